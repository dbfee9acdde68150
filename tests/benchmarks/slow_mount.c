/* A folder, mounted once more, where each call that names, makes, opens, lists or removes a file takes so many
   microseconds longer: a file server that is a network away. Reading, writing and closing take none.

   slow_mount REAL MICROSECONDS MOUNT-POINT [options of FUSE] */

#define FUSE_USE_VERSION 26
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

static int real;
static struct timespec pause_for;

/* What a system call returned, as FUSE wants it, after the pause. */
static int late(int result)
{
    int error = errno;
    nanosleep(&pause_for, NULL);
    return result < 0 ? -error : 0;
}

static const char *in(const char *path)
{
    return path[1] ? path + 1 : ".";
}

static int slow_getattr(const char *path, struct stat *status)
{
    return late(fstatat(real, in(path), status, AT_SYMLINK_NOFOLLOW));
}

/* Of a file that is open a client knows all by itself. */
static int quick_fgetattr(const char *path, struct stat *status, struct fuse_file_info *info)
{
    return fstat(info->fh, status) ? -errno : 0;
}

static int slow_mkdir(const char *path, mode_t mode)
{
    return late(mkdirat(real, in(path), mode));
}

static int slow_unlink(const char *path)
{
    return late(unlinkat(real, in(path), 0));
}

static int slow_rmdir(const char *path)
{
    return late(unlinkat(real, in(path), AT_REMOVEDIR));
}

static int slow_rename(const char *from, const char *to)
{
    return late(renameat(real, in(from), real, in(to)));
}

static int opened(int descriptor, struct fuse_file_info *info)
{
    info->fh = descriptor;
    return late(descriptor);
}

static int slow_open(const char *path, struct fuse_file_info *info)
{
    return opened(openat(real, in(path), info->flags & ~O_NOFOLLOW), info);
}

static int slow_create(const char *path, mode_t mode, struct fuse_file_info *info)
{
    return opened(openat(real, in(path), info->flags | O_CREAT, mode), info);
}

static int slow_truncate(const char *path, off_t size)
{
    int descriptor = openat(real, in(path), O_WRONLY);
    int result = descriptor < 0 ? -1 : ftruncate(descriptor, size);
    if (descriptor >= 0)
        close(descriptor);
    return late(result);
}

static int slow_ftruncate(const char *path, off_t size, struct fuse_file_info *info)
{
    return late(ftruncate(info->fh, size));
}

static int slow_fsync(const char *path, int data_only, struct fuse_file_info *info)
{
    return late(fsync(info->fh));
}

static int quick_read(const char *path, char *bytes, size_t size, off_t at, struct fuse_file_info *info)
{
    ssize_t got = pread(info->fh, bytes, size, at);
    return got < 0 ? -errno : (int)got;
}

static int quick_write(const char *path, const char *bytes, size_t size, off_t at, struct fuse_file_info *info)
{
    ssize_t put = pwrite(info->fh, bytes, size, at);
    return put < 0 ? -errno : (int)put;
}

static int quick_release(const char *path, struct fuse_file_info *info)
{
    return close(info->fh) ? -errno : 0;
}

static int slow_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t at, struct fuse_file_info *info)
{
    int descriptor = openat(real, in(path), O_RDONLY | O_DIRECTORY);
    DIR *directory = descriptor < 0 ? NULL : fdopendir(descriptor);
    struct dirent *entry;
    if (!directory)
        return late(-1);
    while ((entry = readdir(directory)))
        fill(buffer, entry->d_name, NULL, 0);
    return late(closedir(directory));
}

static int quick_statfs(const char *path, struct statvfs *status)
{
    return fstatvfs(real, status) ? -errno : 0;
}

int main(int count, char **arguments)
{
    static const struct fuse_operations operations = {
        .getattr = slow_getattr,
        .fgetattr = quick_fgetattr,
        .mkdir = slow_mkdir,
        .unlink = slow_unlink,
        .rmdir = slow_rmdir,
        .rename = slow_rename,
        .open = slow_open,
        .create = slow_create,
        .truncate = slow_truncate,
        .ftruncate = slow_ftruncate,
        .fsync = slow_fsync,
        .read = quick_read,
        .write = quick_write,
        .release = quick_release,
        .readdir = slow_readdir,
        .statfs = quick_statfs,
    };
    long microseconds;
    if (count < 4 || (real = open(arguments[1], O_RDONLY | O_DIRECTORY)) < 0)
        return perror("slow_mount"), 2;
    microseconds = atol(arguments[2]);
    pause_for.tv_sec = microseconds / 1000000;
    pause_for.tv_nsec = microseconds % 1000000 * 1000;
    arguments[2] = arguments[0];
    umask(0);
    return fuse_main(count - 2, arguments + 2, &operations, NULL);
}

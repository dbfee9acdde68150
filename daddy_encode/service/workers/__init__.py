"""Where jobs are attempted: in threads of this process, or in processes of their own."""

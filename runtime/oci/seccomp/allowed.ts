/**
 * System calls that every container may make, by what they are for. Names of several architectures stand side
 * by side: libseccomp skips those that the host's has not. Source: syscalls(2) and the kernel's tables to 6.16.
 */

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Files, folders, descriptors, extended attributes, watching, asynchronous input and output. */
export const FILES = words(`
  access cachestat chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3
  epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old
  eventfd eventfd2 faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat
  fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr file_getattr file_setattr flistxattr
  flock fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat
  getcwd getdents getdents64 getxattr getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch
  io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit ioctl
  lchown lchown32 lgetxattr link linkat listxattr listxattrat llistxattr _llseek lremovexattr lseek lsetxattr
  lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2 pipe pipe2 poll ppoll
  ppoll_time64 pread64 preadv preadv2 pselect6 pselect6_time64 pwrite64 pwritev pwritev2 read readahead
  readlink readlinkat readv removexattr removexattrat rename renameat renameat2 rmdir select _newselect sendfile
  sendfile64 setxattr setxattrat signalfd signalfd4 splice stat stat64 statfs statfs64 statx symlink symlinkat
  sync sync_file_range syncfs tee truncate truncate64 umask unlink unlinkat utime utimensat
  utimensat_time64 utimes vmsplice write writev
  landlock_add_rule landlock_create_ruleset landlock_restrict_self
`);

/** Address space and memory files. */
export const MEMORY = words(`
  brk madvise map_shadow_stack memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mmap2 mprotect
  mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_mrelease
  remap_file_pages membarrier
`);

/** Processes, threads, scheduling, limits; no new namespaces (clone is ruled separately). */
export const PROCESS = words(`
  capget capset execve execveat exit exit_group fork futex futex_requeue futex_time64 futex_wait futex_waitv
  futex_wake get_robust_list get_thread_area getcpu getpgid getpgrp getpid getppid getpriority getrandom
  getrlimit ugetrlimit getrusage getsid gettid ioprio_get ioprio_set nice pidfd_open pidfd_send_signal
  prctl prlimit64 restart_syscall rseq sched_get_priority_max sched_get_priority_min sched_getaffinity
  sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64
  sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp
  set_robust_list set_thread_area set_tid_address setpgid setpriority setrlimit setsid sysinfo
  times uname uretprobe vfork wait4 waitid waitpid
`);

export const SIGNALS = words(`
  kill pause rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
  rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack signal sigaction sigpending sigprocmask
  sigreturn sigsuspend tgkill tkill
`);

/** Reading clocks, sleeping, timers, and adjusting the clock as far as CAP_SYS_TIME allows (adjtimex also reads). */
export const CLOCK = words(`
  adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
  clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time timer_create
  timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create
  timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64
`);

/** User and group ids, security modules' attributes of the caller. */
export const IDENTITY = words(`
  getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid getresgid32 getresuid
  getresuid32 getuid getuid32 setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32
  setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setuid setuid32
  lsm_get_self_attr lsm_list_modules lsm_set_self_attr
`);

/** System V and POSIX queues, semaphores, shared memory: each in the pod's IPC namespace. */
export const IPC = words(`
  ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64
  mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget
`);

/** All but socket(2), whose family is ruled separately. socketcall(2) is the 32-bit way to all of them. */
export const SOCKETS = words(`
  accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg
  recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair
`);

/** Only 32-bit programs make these. */
export const LEGACY_32_BIT = words(
  'oldfstat oldlstat oldolduname oldstat olduname readdir sgetmask ssetmask',
);

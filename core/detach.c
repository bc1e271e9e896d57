/* SPDX-License-Identifier: MIT */
#include "detach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* The process that was started: it has nothing to clean up that is not the other's as well. */
static _Noreturn void wait_for(int hear, pid_t between)
{
    char word;
    ssize_t n;

    while (waitpid(between, NULL, 0) < 0 && errno == EINTR)
        ;
    do
        n = read(hear, &word, 1);
    while (n < 0 && errno == EINTR);
    _exit(n == 1 ? EXIT_SUCCESS : EXIT_FAILURE);
}

int detach_begin(struct detach *d)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    pid_t pid = fork();
    if (pid < 0) {
        close(ends[0]);
        close(ends[1]);
        return -1;
    }
    if (pid > 0) {
        close(ends[1]);
        wait_for(ends[0], pid);
    }
    close(ends[0]);
    (void)setsid(); /* cannot fail: nobody leads a group with a number as new as ours */
    pid = fork();
    if (pid != 0)
        _exit(pid < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
    d->tell = ends[1];
    return 0;
}

void detach_standard(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);

    for (int i = STDIN_FILENO; fd >= 0 && i <= STDERR_FILENO; i++)
        (void)dup2(fd, i);
    if (fd > STDERR_FILENO)
        close(fd);
}

void detach_done(struct detach *d)
{
    if (d->tell < 0)
        return;
    detach_standard();
    (void)!chdir("/");
    (void)!write(d->tell, "y", 1);
    close(d->tell);
    d->tell = -1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The only program inside the images: sleeps until SIGTERM, or exits at once with its argument. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static void leave(int sig)
{
	(void)sig;
	_exit(0);
}

int main(int argc, char **argv)
{
	/* As PID 1 of a container it has no default action for SIGTERM: only a handler makes it stoppable. */
	signal(SIGTERM, leave);
	signal(SIGINT, leave);
	if (argc > 1)
		return atoi(argv[1]);
	for (;;)
		pause();
}

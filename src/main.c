/* SPDX-License-Identifier: BSD-2-Clause */
/* fcsd - the server. Wiring only. */
#include <stdio.h>

int
main(void)
{
	printf("fcsd %s\n", FCS_VERSION);
	return 0;
}

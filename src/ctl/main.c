/* SPDX-License-Identifier: BSD-2-Clause */
/* fcsctl - manages a running fcsd. */
#include <stdio.h>

int
main(void)
{
	printf("fcsctl %s\n", FCS_VERSION);
	return 0;
}

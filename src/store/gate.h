/* SPDX-License-Identifier: Apache-2.0 */
/* The gate that keeps SQLite and fork() apart. */
#ifndef HZ_STORE_GATE_H
#define HZ_STORE_GATE_H

/*
 * SQLite must not cross a fork: its record of the locks that the process holds is inherited, the POSIX locks themselves are not, so
 * that a child could write to a log that another process is about to delete. Therefore a thread uses SQLite only inside the gate,
 * and the handler that runs before fork() shuts the gate, waits for those inside (none of them waits for anything but the disk)
 * and closes every idle connection: the child inherits nothing. A thread may be inside once; it must not wait for locks there.
 */
struct hz_gate_client {
	void (*before_fork)(struct hz_gate_client *c); /* gate shut: nobody else runs in here */
	struct hz_gate_client *next, **link;
};

void hz_gate_enter(void);
void hz_gate_leave(void);

/* Register and remove a client; not inside the gate. */
void hz_gate_add(struct hz_gate_client *c);
void hz_gate_remove(struct hz_gate_client *c);

#endif

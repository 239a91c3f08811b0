/* SPDX-License-Identifier: Apache-2.0 */
/* Which of several modules served this thread's last call, for the audit log. */
#ifndef HZ_BACKEND_SERVED_H
#define HZ_BACKEND_SERVED_H

/* As the configuration counts them, from 1; 0: none was asked. Whoever wants to know sets it to 0 before. */
extern _Thread_local unsigned hz_served;

#endif

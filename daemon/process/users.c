/*
 * users.c - whom the daemon's processes become when root has started it.
 *
 * Floor process; the master calls in at start and at each reload, -n when a
 * configuration is checked.
 */
#include "process/users.h"

#include <sys/stat.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "base/os.h"
#include "process/child_task.h"

/* The first of these that there is, when the configuration names nobody. */
#define WORKER_USER   "_capsuled"
#define WORKER_USER_2 "nobody"
#define KEY_USER      "_capsuled_key"
#define DATA_USER     "_capsuled_data"

/* -- chroot -- */

/* In a child, which ends right after. */
static int
try_chroot(void *arg, struct problems *ps)
{
	const struct conf *conf = *(const struct conf **)arg;

	if (chroot(conf->chroot.p) == -1)
		problems_add(ps, conf->path, conf->chroot_line,
		    "[server] chroot: cannot lock workers into %s: %s; a "
		    "service of systemd needs CAP_SYS_CHROOT in its "
		    "CapabilityBoundingSet, and chroot in its SystemCallFilter",
		    conf->chroot.p, strerror(errno));
	return 0;
}

static void
resolve_chroot(const struct conf *conf, struct users *u, struct problems *ps)
{
	const char *folder = conf->chroot.p;
	struct stat st;

	if (conf->chroot.len == 0)
		return;
	u->worker.chroot = folder;
	if (geteuid() != 0)
		problems_add(ps, conf->path, conf->chroot_line,
		    "[server] chroot: only root can lock workers into %s; "
		    "start capsuled as root, or leave the key out",
		    folder);
	else if (stat(folder, &st) == -1 || !S_ISDIR(st.st_mode))
		problems_add(ps, conf->path, conf->chroot_line,
		    "[server] chroot: %s is not a folder", folder);
	else
		(void)child_task_run(try_chroot, &conf, ps);
}

/* -- users -- */

/* Have box become user name, as key of [server] has it. */
static void
become_user(const struct conf *conf, const char *key, const char *name,
    int line, struct sandbox *box, struct problems *ps)
{
	const struct passwd *pw = getpwnam(name);

	if (pw == NULL)
		problems_add(ps, conf->path, line,
		    "[server] %s: there is no user \"%s\" on this system; "
		    "root makes it with \"%s %s\"",
		    key, name, os_useradd, name);
	else if (pw->pw_uid == 0)
		problems_add(ps, conf->path, line,
		    "[server] %s: \"%s\" is root, which is what these "
		    "processes must not be; name a user that has no rights",
		    key, name);
	else {
		box->drop = geteuid() == 0;
		box->uid = pw->pw_uid;
		box->gid = pw->pw_gid;
	}
}

static void
become_group(const struct conf *conf, struct sandbox *box, struct problems *ps)
{
	const struct group *gr;

	if (conf->group.len == 0)
		return;
	gr = getgrnam(conf->group.p);
	if (gr == NULL)
		problems_add(ps, conf->path, conf->group_line,
		    "[server] group: there is no group \"%s\" on this system",
		    conf->group.p);
	else
		box->gid = gr->gr_gid;
}

/* Who they are if name is empty; NULL: whoever has started us. */
static const char *
choose_worker(struct view name)
{
	if (name.len > 0)
		return name.p;
	if (geteuid() != 0)
		return NULL;
	return getpwnam(WORKER_USER) != NULL ? WORKER_USER : WORKER_USER_2;
}

/* The same of a process whose user is usual, if there is such a one. */
static const char *
choose_other(struct view name, const char *usual, const char *worker)
{
	if (name.len > 0)
		return name.p;
	if (geteuid() != 0)
		return NULL;
	return getpwnam(usual) != NULL ? usual : worker;
}

static void
resolve_users(const struct conf *conf, struct users *u, struct problems *ps)
{
	u->worker_name = choose_worker(conf->user);
	u->key_name = choose_other(conf->key_user, KEY_USER, u->worker_name);
	u->data_name = choose_other(conf->data_user, DATA_USER, u->worker_name);
	if (u->worker_name != NULL)
		become_user(conf, "user", u->worker_name, conf->user_line,
		    &u->worker, ps);
	if (u->key_name == u->worker_name) /* whose problems are told */
		u->key = u->worker;
	else if (u->key_name != NULL)
		become_user(conf, "key_user", u->key_name, conf->key_user_line,
		    &u->key, ps);
	if (u->data_name == u->worker_name)
		u->data = u->worker;
	else if (u->data_name != NULL)
		become_user(conf, "data_user", u->data_name,
		    conf->data_user_line, &u->data, ps);
	u->data.groups_of = u->data_name;
	become_group(conf, &u->worker, ps);
	/* An image for a container may well have no users at all. */
	if (geteuid() != 0)
		u->worker_name = u->key_name = u->data_name = NULL;
}

void
users_resolve(const struct conf *conf, struct users *u, struct problems *ps)
{
	*u = (struct users){ .worker_name = NULL };
	resolve_users(conf, u, ps);
	resolve_chroot(conf, u, ps);
	u->key.chroot = u->worker.chroot;
}

void
users_check(const struct conf *conf, struct users *u, struct problems *ps)
{
	*u = (struct users){ .worker_name = NULL };
	resolve_users(conf, u, ps);
	if (geteuid() == 0)
		resolve_chroot(conf, u, ps);
}

/* -- advice -- */

static void
note_owner(const struct conf *conf, const struct conf_capsule *c,
    struct problems *notes)
{
	const struct passwd *pw;
	struct stat st;

	if (stat(c->key.p, &st) == -1 || st.st_uid == 0)
		return;
	pw = getpwuid(st.st_uid);
	problems_add(notes, conf->path, c->key_line,
	    "[capsule%s] key: %s belongs to user %s, and should be root's, who "
	    "may be allowed to read no others: type \"chown root %s\"",
	    c->tag, c->key.p, pw == NULL ? "unknown" : pw->pw_name, c->key.p);
}

void
users_advise(const struct conf *conf, struct problems *notes)
{
	struct problems *told = problems_new();
	struct users u;
	size_t i;

	if (geteuid() == 0) {
		resolve_users(conf, &u, told);
		if (conf->key_process && problems_count(told) == 0 &&
		    u.key.uid == u.worker.uid)
			problems_add(notes, conf->path, conf->key_user_line,
			    "[server] key_user: the key process is user %s, as "
			    "workers are; make a user of its own with "
			    "\"%s " KEY_USER "\"",
			    u.key_name, os_useradd);
		if (problems_count(told) == 0 && u.data.uid == u.worker.uid)
			problems_add(notes, conf->path, conf->data_user_line,
			    "[server] data_user: the content process is user "
			    "%s, as workers are; make a user of its own with "
			    "\"%s " DATA_USER "\"",
			    u.data_name, os_useradd);
		for (i = 0; i < conf->n_capsules; i++)
			note_owner(conf, &conf->capsules[i], notes);
	}
	problems_free(told);
}

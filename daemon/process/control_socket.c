/*
 * control_socket.c - bind the control socket without a moment's gap.
 *
 * Floor process; generation.c calls in, as for listening sockets.  The file is
 * made with its mode and its group: nothing is changed afterwards by a name
 * that somebody might have put another file under.
 */
#include "process/control_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/address.h"
#include "base/log.h"

/* What umask(2) takes from 0777. */
#define ONLY_OURS  0177
#define WITH_GROUP 0117

static bool
look_at_file(const char *path, struct stat *st)
{
	return lstat(path, st) == 0 && S_ISSOCK(st->st_mode);
}

/* The file under its name is still the one that was made. */
static bool
is_in_place(const struct control_socket *s)
{
	struct stat st;

	return look_at_file(s->path, &st) && st.st_dev == s->dev &&
	    st.st_ino == s->ino;
}

static int
open_unix(const char *path, struct sockaddr_storage *at, socklen_t *len)
{
	*len = address_fill(at, AF_UNIX, path, 0);
	return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* True if nobody listens on the socket of that file any more. */
static bool
is_left_over(const char *path)
{
	struct sockaddr_storage at;
	socklen_t len;
	struct stat st;
	int fd = open_unix(path, &at, &len);
	bool refused;

	if (fd == -1)
		return false;
	refused = look_at_file(path, &st) &&
	    connect(fd, (struct sockaddr *)&at, len) == -1 &&
	    errno == ECONNREFUSED;
	close(fd);
	return refused;
}

/*
 * Bind with the mode and the group that the file shall have.  Root may take
 * the group for the time being, which on Linux is then the file's; elsewhere
 * it is the folder's, and given to the file.
 */
static int
bind_with_mode(int fd, const struct sockaddr *at, socklen_t len,
    const struct control_socket *s)
{
	mode_t before = umask(s->has_group ? WITH_GROUP : ONLY_OURS);
	gid_t ours = getegid();
	bool borrowed = s->has_group && setegid(s->group) == 0;
	int r = bind(fd, at, len), error = errno;
	struct stat st;

	if (borrowed && setegid(ours) == -1)
		abort(); /* a way back is always open to root */
	(void)umask(before);
	if (r == 0 && s->has_group && look_at_file(s->path, &st) &&
	    st.st_gid != s->group) {
		r = lchown(s->path, (uid_t)-1, s->group);
		error = errno;
		if (r == -1)
			(void)unlink(s->path);
	}
	errno = error;
	return r;
}

/* Bind s->path and listen; the descriptor, or -1 with errno. */
static int
listen_at(const struct control_socket *s)
{
	struct sockaddr_storage ss;
	struct sockaddr *at = (struct sockaddr *)&ss;
	socklen_t len;
	int r, error, fd = open_unix(s->path, &ss, &len);

	if (fd == -1)
		return -1;
	r = bind_with_mode(fd, at, len, s);
	if (r == -1 && errno == EADDRINUSE && is_left_over(s->path) &&
	    unlink(s->path) == 0)
		r = bind_with_mode(fd, at, len, s);
	if (r == 0)
		r = listen(fd, CONTROL_BACKLOG);
	if (r == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static const char *
hint_for(int error, const char *path)
{
	struct stat st;

	if (error == EADDRINUSE)
		return look_at_file(path, &st)
		    ? "; another capsuled answers there: stop that one, or let "
		      "each have a path of its own"
		    : "; a file that is no socket has that name";
	if (error == ENOENT)
		return "; its folder has to be there";
	return "";
}

/* A folder where others can put files under our names has no group's. */
static bool
is_safe_folder(const char *path)
{
	char folder[CONF_UNIX_MAX + 2];
	const char *slash = strrchr(path, '/');
	struct stat st;

	snprintf(folder, sizeof(folder), "%.*s",
	    slash == NULL ? 1 : (int)(slash - path) + 1,
	    slash == NULL ? "." : path);
	if (stat(folder, &st) == -1)
		return true; /* bind says why */
	return (st.st_uid == 0 || st.st_uid == geteuid()) &&
	    ((st.st_mode & (S_IWGRP | S_IWOTH)) == 0 ||
		(st.st_mode & S_ISVTX) != 0);
}

/* The group that conf names, or NULL and a sentence. */
static const struct group *
look_up_group(const struct conf *conf, struct problems *ps)
{
	const struct group *gr = getgrnam(conf->control_group.p);

	if (gr == NULL)
		problems_add(ps, conf->path, conf->control_group_line,
		    "[server] control_group: there is no group \"%s\" on this "
		    "system",
		    conf->control_group.p);
	return gr;
}

void
control_socket_check(const struct conf *conf, struct problems *ps)
{
	if (conf->control_group.len > 0)
		(void)look_up_group(conf, ps);
}

static int
find_group(struct control_socket *s, const struct conf *conf,
    struct problems *ps)
{
	const struct group *gr;

	if (conf->control_group.len == 0)
		return 0;
	gr = look_up_group(conf, ps);
	if (gr == NULL)
		return -1;
	if (!is_safe_folder(s->path)) {
		problems_add(ps, conf->path, conf->control_line,
		    "[server] control: with a control_group, nobody but root "
		    "or this user may write to the folder of %s",
		    s->path);
		return -1;
	}
	s->has_group = true;
	s->group = gr->gr_gid;
	return 0;
}

static int
open_new(struct control_socket *s, const struct conf *conf, struct problems *ps)
{
	struct stat st;

	s->fd = listen_at(s);
	if (s->fd == -1) {
		problems_add(ps, conf->path, conf->control_line,
		    "[server] control: cannot listen on %s: %s%s", s->path,
		    strerror(errno), hint_for(errno, s->path));
		return -1;
	}
	s->is_open = true;
	if (lstat(s->path, &st) == 0) {
		s->dev = st.st_dev;
		s->ino = st.st_ino;
	}
	return 0;
}

/* As control_socket_open, with a sentence for everything that goes wrong. */
static int
open_socket_of(struct control_socket *s, const struct control_socket *old,
    const struct conf *conf, struct problems *ps)
{
	char room[CONF_UNIX_MAX];
	struct buf path = { room, 0, sizeof(room), sizeof(room), false };

	conf_control_path(conf, &path);
	if (path.failed) {
		problems_add(ps, conf->path, conf->control_line,
		    "[server] control: the path of the socket has more than "
		    "%d bytes; name another one",
		    CONF_UNIX_MAX);
		return -1;
	}
	if (path.len == 0)
		return 0;
	snprintf(s->path, sizeof(s->path), "%.*s", VIEW_ARG(buf_view(&path)));
	if (find_group(s, conf, ps) == -1)
		return -1;
	if (old == NULL || !old->is_open || strcmp(old->path, s->path) != 0 ||
	    !is_in_place(old))
		return open_new(s, conf, ps);
	if (old->has_group != s->has_group || old->group != s->group)
		log_warnx("control_group has changed: that is in force after "
			  "a restart");
	*s = *old;
	return 0;
}

int
control_socket_open(struct control_socket *to, const struct control_socket *old,
    const struct conf *conf, struct problems *ps)
{
	bool is_auto = view_eq(conf->control, VIEW("auto"));
	struct problems *found = problems_new();
	size_t i;
	int r;

	*to = (struct control_socket){ .is_open = false };
	r = open_socket_of(to, old, conf, is_auto ? found : ps);
	for (i = 0; i < problems_count(found); i++)
		log_warnx("%s; capsulectl cannot reach this daemon",
		    problems_get(found, i));
	problems_free(found);
	return is_auto ? 0 : r;
}

void
control_socket_close(struct control_socket *s,
    const struct control_socket *kept)
{
	if (!s->is_open)
		return;
	s->is_open = false;
	if (kept != NULL && kept->is_open && kept->fd == s->fd)
		return;
	close(s->fd);
	if (is_in_place(s))
		(void)unlink(s->path);
}

bool
control_socket_admits(const struct control_socket *s, const struct os_peer *who)
{
	size_t i;

	if (who->uid == 0 || who->uid == geteuid())
		return true;
	for (i = 0; s->has_group && i < who->n_groups; i++)
		if (who->groups[i] == s->group)
			return true;
	return false;
}

/*
 * mime.c - file names to media types, media types to Gopher item types.
 *
 * Floor format.  One sorted table; an operator's [types] come before it and
 * are the loader's business.
 */
#include "format/mime.h"

#include <stdlib.h>

#define MIME_DEFAULT "application/octet-stream"

/* Longest extension in the table: bytes. */
#define EXTENSION_MAX 9

#define ROW(extension, type)                                                   \
	{                                                                      \
		extension, VIEW_INIT(type)                                     \
	}

/* Sorted by extension: it is searched by halves. */
static const struct row {
	const char *extension;
	struct view type;
} rows[] = {
	ROW("7z", "application/x-7z-compressed"),
	ROW("aac", "audio/aac"),
	ROW("ai", "application/postscript"),
	ROW("aif", "audio/aiff"),
	ROW("aiff", "audio/aiff"),
	ROW("apk", "application/vnd.android.package-archive"),
	ROW("apng", "image/apng"),
	ROW("asc", "text/plain"),
	ROW("atom", "application/atom+xml"),
	ROW("au", "audio/basic"),
	ROW("avi", "video/x-msvideo"),
	ROW("avif", "image/avif"),
	ROW("bmp", "image/bmp"),
	ROW("bz2", "application/x-bzip2"),
	ROW("c", "text/x-c"),
	ROW("cbr", "application/vnd.comicbook-rar"),
	ROW("cbz", "application/vnd.comicbook+zip"),
	ROW("cfg", "text/plain"),
	ROW("conf", "text/plain"),
	ROW("cpp", "text/x-c++"),
	ROW("crt", "application/x-x509-ca-cert"),
	ROW("css", "text/css"),
	ROW("csv", "text/csv"),
	ROW("deb", "application/vnd.debian.binary-package"),
	ROW("diff", "text/x-diff"),
	ROW("djvu", "image/vnd.djvu"),
	ROW("doc", "application/msword"),
	ROW("docx",
	    "application/"
	    "vnd.openxmlformats-officedocument.wordprocessingml.document"),
	ROW("eml", "message/rfc822"),
	ROW("eps", "application/postscript"),
	ROW("epub", "application/epub+zip"),
	ROW("flac", "audio/flac"),
	ROW("gemini", "text/gemini"),
	ROW("geojson", "application/geo+json"),
	ROW("gif", "image/gif"),
	ROW("gmi", "text/gemini"),
	ROW("gophermap", MIME_GOPHERMAP),
	ROW("gpub", "application/gpub+zip"),
	ROW("gpx", "application/gpx+xml"),
	ROW("gz", "application/gzip"),
	ROW("h", "text/x-c"),
	ROW("heic", "image/heic"),
	ROW("htm", "text/html"),
	ROW("html", "text/html"),
	ROW("ico", "image/vnd.microsoft.icon"),
	ROW("ics", "text/calendar"),
	ROW("ini", "text/plain"),
	ROW("iso", "application/x-iso9660-image"),
	ROW("jar", "application/java-archive"),
	ROW("jpeg", "image/jpeg"),
	ROW("jpg", "image/jpeg"),
	ROW("js", "text/javascript"),
	ROW("json", "application/json"),
	ROW("jxl", "image/jxl"),
	ROW("kml", "application/vnd.google-earth.kml+xml"),
	ROW("log", "text/plain"),
	ROW("lz", "application/x-lzip"),
	ROW("m3u", "audio/mpegurl"),
	ROW("m4a", "audio/mp4"),
	ROW("m4v", "video/mp4"),
	ROW("markdown", "text/markdown"),
	ROW("mbox", "application/mbox"),
	ROW("md", "text/markdown"),
	ROW("mid", "audio/midi"),
	ROW("midi", "audio/midi"),
	ROW("mkv", "video/matroska"),
	ROW("mobi", "application/x-mobipocket-ebook"),
	ROW("mod", "audio/x-mod"),
	ROW("mov", "video/quicktime"),
	ROW("mp3", "audio/mpeg"),
	ROW("mp4", "video/mp4"),
	ROW("mpeg", "video/mpeg"),
	ROW("mpg", "video/mpeg"),
	ROW("odp", "application/vnd.oasis.opendocument.presentation"),
	ROW("ods", "application/vnd.oasis.opendocument.spreadsheet"),
	ROW("odt", "application/vnd.oasis.opendocument.text"),
	ROW("oga", "audio/ogg"),
	ROW("ogg", "audio/ogg"),
	ROW("ogv", "video/ogg"),
	ROW("opus", "audio/ogg"),
	ROW("otf", "font/otf"),
	ROW("patch", "text/x-diff"),
	ROW("pbm", "image/x-portable-bitmap"),
	ROW("pcx", "image/vnd.zbrush.pcx"),
	ROW("pdf", "application/pdf"),
	ROW("pem", "application/x-pem-file"),
	ROW("pgm", "image/x-portable-graymap"),
	ROW("png", "image/png"),
	ROW("pnm", "image/x-portable-anymap"),
	ROW("ppm", "image/x-portable-pixmap"),
	ROW("ppt", "application/vnd.ms-powerpoint"),
	ROW("pptx",
	    "application/"
	    "vnd.openxmlformats-officedocument.presentationml.presentation"),
	ROW("ps", "application/postscript"),
	ROW("py", "text/x-python"),
	ROW("rar", "application/vnd.rar"),
	ROW("rpm", "application/x-rpm"),
	ROW("rss", "application/rss+xml"),
	ROW("rst", "text/x-rst"),
	ROW("rtf", "application/rtf"),
	ROW("sh", "text/x-shellscript"),
	ROW("sig", "application/pgp-signature"),
	ROW("sqlite", "application/vnd.sqlite3"),
	ROW("srt", "application/x-subrip"),
	ROW("svg", "image/svg+xml"),
	ROW("tar", "application/x-tar"),
	ROW("tex", "text/x-tex"),
	ROW("text", "text/plain"),
	ROW("tgz", "application/gzip"),
	ROW("tif", "image/tiff"),
	ROW("tiff", "image/tiff"),
	ROW("toml", "application/toml"),
	ROW("torrent", "application/x-bittorrent"),
	ROW("tsv", "text/tab-separated-values"),
	ROW("ttf", "font/ttf"),
	ROW("txt", "text/plain"),
	ROW("vcf", "text/vcard"),
	ROW("vtt", "text/vtt"),
	ROW("wasm", "application/wasm"),
	ROW("wav", "audio/wav"),
	ROW("weba", "audio/webm"),
	ROW("webm", "video/webm"),
	ROW("webp", "image/webp"),
	ROW("woff", "font/woff"),
	ROW("woff2", "font/woff2"),
	ROW("xbm", "image/x-xbitmap"),
	ROW("xhtml", "application/xhtml+xml"),
	ROW("xls", "application/vnd.ms-excel"),
	ROW("xlsx",
	    "application/"
	    "vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
	ROW("xm", "audio/x-xm"),
	ROW("xml", "application/xml"),
	ROW("xpm", "image/x-xpixmap"),
	ROW("xz", "application/x-xz"),
	ROW("yaml", "application/yaml"),
	ROW("yml", "application/yaml"),
	ROW("zip", "application/zip"),
	ROW("zst", "application/zstd"),
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

/* What follows the last dot; empty for "name", "name." and ".name". */
static struct view
extension_of(struct view name)
{
	size_t n = name.len;

	while (n > 0 && name.p[n - 1] != '.' && name.p[n - 1] != '/')
		n--;
	/* A dot at the start of a file's name hides it and is no extension. */
	if (n < 2 || name.p[n - 1] == '/' || name.p[n - 2] == '/')
		return (struct view){ NULL, 0 };
	return view_skip(name, n);
}

static int
by_extension(const void *key, const void *row)
{
	return strcmp(key, ((const struct row *)row)->extension);
}

struct mime
mime_of(struct view name)
{
	struct view extension = extension_of(name);
	char key[EXTENSION_MAX + 1];
	const struct row *row = NULL;
	size_t i;

	if (extension.len <= EXTENSION_MAX) {
		for (i = 0; i < extension.len; i++) {
			char c = extension.p[i];

			key[i] =
			    c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
		}
		key[i] = '\0';
		if (strlen(key) == extension.len)
			row = bsearch(key, rows, N_ROWS, sizeof(rows[0]),
			    by_extension);
	}
	if (row == NULL)
		return (struct mime){ VIEW(MIME_DEFAULT), '9' };
	return (struct mime){ row->type, mime_item(row->type) };
}

/* True if v begins with part, letters' case apart. */
static bool
begins_with(struct view v, struct view part)
{
	return v.len >= part.len &&
	    view_eq_nocase((struct view){ v.p, part.len }, part);
}

char
mime_item(struct view type)
{
	struct view rest = type;
	struct view bare = view_trim(view_cut(&rest, ';'));

	if (view_eq_nocase(bare, VIEW(MIME_GEMTEXT)) ||
	    view_eq_nocase(bare, VIEW(MIME_GOPHERMAP)))
		return '1';
	if (view_eq_nocase(bare, VIEW("image/gif")))
		return 'g';
	if (begins_with(bare, VIEW("text/")))
		return '0';
	if (begins_with(bare, VIEW("image/")))
		return 'I';
	if (begins_with(bare, VIEW("audio/")))
		return 's';
	return '9';
}

/* token: printable ASCII but blanks and tspecials; RFC 2045 5.1. */
static size_t
token_length(struct view v)
{
	static const char special[] = "()<>@,;:\\\"/[]?=";
	size_t n = 0;

	while (n < v.len && v.p[n] > 0x20 && v.p[n] < 0x7f &&
	    strchr(special, v.p[n]) == NULL)
		n++;
	return n;
}

/* The length of the quoted-string that v begins with, or 0. */
static size_t
quoted_length(struct view v)
{
	size_t n;

	if (v.len == 0 || v.p[0] != '"')
		return 0;
	for (n = 1; n < v.len && v.p[n] != '"'; n++) {
		if (v.p[n] == '\\')
			n++;
		if (n >= v.len || v.p[n] < 0x20 || v.p[n] >= 0x7f)
			return 0;
	}
	return n < v.len ? n + 1 : 0;
}

static struct view
skip_blanks(struct view v)
{
	while (v.len > 0 && v.p[0] == ' ')
		v = view_skip(v, 1);
	return v;
}

/* parameter := token "=" (token / quoted-string); cut off *rest. */
static bool
take_parameter(struct view *rest)
{
	size_t n = token_length(*rest);

	if (n == 0 || n == rest->len || rest->p[n] != '=')
		return false;
	*rest = view_skip(*rest, n + 1);
	n = token_length(*rest);
	if (n == 0)
		n = quoted_length(*rest);
	*rest = view_skip(*rest, n);
	return n > 0;
}

bool
mime_is_valid(struct view v)
{
	size_t n = token_length(v);

	if (n == 0 || n == v.len || v.p[n] != '/')
		return false;
	v = view_skip(v, n + 1);
	n = token_length(v);
	if (n == 0)
		return false;
	for (v = view_skip(v, n); v.len > 0;) {
		v = skip_blanks(v);
		if (v.len == 0 || v.p[0] != ';')
			return false;
		v = skip_blanks(view_skip(v, 1));
		if (!take_parameter(&v))
			return false;
	}
	return true;
}

/* Neither an info line nor an error is one. */
bool
mime_is_item(char c)
{
	return ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		   (c >= 'A' && c <= 'Z')) &&
	    c != 'i' && c != '3';
}

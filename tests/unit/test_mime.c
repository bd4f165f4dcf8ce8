/* test_mime.c - file names to media types, media types to item types. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The table is not in the header; its order is what is tested. */
#include "format/mime.c"

#include "expect.h"

static const struct {
	const char *name, *type;
	char item;
} files[] = {
	{ "index.gmi", "text/gemini", '1' },
	{ "index.gemini", "text/gemini", '1' },
	{ "menu.gophermap", "application/gophermap", '1' },
	{ "a.txt", "text/plain", '0' },
	{ "a.md", "text/markdown", '0' },
	{ "a.csv", "text/csv", '0' },
	{ "a.html", "text/html", '0' },
	{ "a.ics", "text/calendar", '0' },
	{ "a.vcf", "text/vcard", '0' },
	{ "a.c", "text/x-c", '0' },
	{ "a.png", "image/png", 'I' },
	{ "a.jpg", "image/jpeg", 'I' },
	{ "a.webp", "image/webp", 'I' },
	{ "a.avif", "image/avif", 'I' },
	{ "a.svg", "image/svg+xml", 'I' },
	{ "a.gif", "image/gif", 'g' },
	{ "a.mp3", "audio/mpeg", 's' },
	{ "a.ogg", "audio/ogg", 's' },
	{ "a.flac", "audio/flac", 's' },
	{ "a.mp4", "video/mp4", '9' },
	{ "a.pdf", "application/pdf", '9' },
	{ "a.epub", "application/epub+zip", '9' },
	{ "a.gpub", "application/gpub+zip", '9' },
	{ "a.zip", "application/zip", '9' },
	{ "a.atom", "application/atom+xml", '9' },
	{ "a.rss", "application/rss+xml", '9' },
	{ "a.xml", "application/xml", '9' },
	{ "a.json", "application/json", '9' },
	{ "a.woff2", "font/woff2", '9' },
	{ "a.7z", "application/x-7z-compressed", '9' },
	{ "a.zst", "application/zstd", '9' },
	/* the outer wrapping is what is sent */
	{ "a.tar.gz", "application/gzip", '9' },
	{ "a.txt.gz", "application/gzip", '9' },
	{ "a.gz.txt", "text/plain", '0' },
	/* letters' case apart, folders apart */
	{ "A.GMI", "text/gemini", '1' },
	{ "a.JpEg", "image/jpeg", 'I' },
	{ "a.AZ.ZIP", "application/zip", '9' },
	{ "a.AVI", "video/x-msvideo", '9' },
	{ "/files/a.png", "image/png", 'I' },
	{ "files.gmi/a.png", "image/png", 'I' },
	{ ".hidden.txt", "text/plain", '0' },
	{ "a..txt", "text/plain", '0' },
	{ "a b.txt", "text/plain", '0' },
	/* nothing known */
	{ "", "application/octet-stream", '9' },
	{ "a", "application/octet-stream", '9' },
	{ "a.", "application/octet-stream", '9' },
	{ ".", "application/octet-stream", '9' },
	{ ".txt", "application/octet-stream", '9' },
	{ "files/.txt", "application/octet-stream", '9' },
	{ "files.txt/a", "application/octet-stream", '9' },
	{ "files.txt/", "application/octet-stream", '9' },
	{ "txt", "application/octet-stream", '9' },
	{ "a.tx", "application/octet-stream", '9' },
	{ "a.txtx", "application/octet-stream", '9' },
	{ "a.txt ", "application/octet-stream", '9' },
	{ "a.gophermaps", "application/octet-stream", '9' },
	{ "a.a-very-long-extension", "application/octet-stream", '9' },
	{ "a.t\xc3\xa9xt", "application/octet-stream", '9' },
};

static void
the_last_extension_decides(void **state)
{
	struct mime got;
	struct view name;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(files); i++) {
		name = exact(view_of(files[i].name));
		got = mime_of(name);
		expect_view(files[i].name, got.type, view_of(files[i].type));
		if (got.item != files[i].item)
			fail_msg("%s is item %c", files[i].name, got.item);
		loose(name);
	}
	expect_view("NUL", mime_of(VIEW("a.txt\0")).type, VIEW(MIME_DEFAULT));
}

static void
the_table_is_sorted_and_each_row_is_found(void **state)
{
	struct buf name;
	size_t i, len;

	(void)state;
	buf_init(&name, 64);
	for (i = 0; i < N_ROWS; i++) {
		len = strlen(rows[i].extension);
		assert_in_range(len, 1, EXTENSION_MAX);
		if (i > 0 &&
		    strcmp(rows[i - 1].extension, rows[i].extension) >= 0)
			fail_msg("%s is out of order", rows[i].extension);
		buf_printf(&name, "x.%s", rows[i].extension);
		expect_view(rows[i].extension, mime_of(buf_view(&name)).type,
		    rows[i].type);
		if (!mime_is_valid(rows[i].type))
			fail_msg("%s has no valid type", rows[i].extension);
		buf_reset(&name);
	}
	buf_fini(&name);
}

static const struct {
	const char *type;
	char item;
} items[] = {
	{ "text/gemini", '1' },
	{ "text/gemini; lang=en", '1' },
	{ "TEXT/Gemini;charset=utf-8", '1' },
	{ "application/gophermap", '1' },
	{ "text/plain", '0' },
	{ "text/plain ; charset=utf-8", '0' },
	{ "text/geminix", '0' },
	{ "Text/HTML", '0' },
	{ "image/gif", 'g' },
	{ "IMAGE/GIF", 'g' },
	{ "image/gif; a=b", 'g' },
	{ "image/gifx", 'I' },
	{ "image/svg+xml", 'I' },
	{ "audio/ogg", 's' },
	{ "video/ogg", '9' },
	{ "application/pdf", '9' },
	{ "textual/plain", '9' },
	{ "text", '9' },
	{ "", '9' },
};

static void
a_media_type_has_one_item_type(void **state)
{
	struct view type;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(items); i++) {
		type = exact(view_of(items[i].type));
		if (mime_item(type) != items[i].item)
			fail_msg("%s is item %c", items[i].type,
			    mime_item(type));
		loose(type);
	}
}

static const char *const valid[] = {
	"text/plain",
	"a/b",
	"application/vnd.example+xml",
	"text/gemini;lang=en",
	"text/gemini; charset=utf-8; lang=en",
	"text/gemini ;  lang=en",
	"text/gemini; lang=\"en,fr\"",
	"text/x; a=\"\"",
	"text/x; a=\"\\\"\"",
	"text/x; a=\"b\"; c=d",
	"text/x; a=\"; b\"",
};

static const char *const invalid[] = {
	"",
	"/",
	"text",
	"text/",
	"/plain",
	"text/plain/x",
	" text/plain",
	"text/plain ",
	"text /plain",
	"text/ plain",
	"text/plain x",
	"text/plain;",
	"text/plain; ",
	"text/plain; lang",
	"text/plain; lang=",
	"text/plain; =en",
	"text/plain; lang =en",
	"text/plain; lang= en",
	"text/plain; lang=en,fr",
	"text/plain; lang=\"en",
	"text/plain; lang=\"",
	"text/plain; lang=\"\\",
	"text/plain; lang=\"\\\"",
	"text/plain; lang=\"en\"x",
	"text/plain;; lang=en",
	"text/plain, text/html",
	"text/pl\tain",
	"text/plain\r\n",
	"text/plain; a=\"b\nc\"",
	"text/plain; a=\"b\x7f\"",
	"text/plain; a=\"\xc3\xa9\"",
	"text/pl\xc3\xa4in",
	"t(e)xt/plain",
	"text/pl[a]in",
	"text/a=b",
};

static void
a_media_type_is_checked_whole(void **state)
{
	struct view v;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(valid); i++) {
		v = exact(view_of(valid[i]));
		if (!mime_is_valid(v))
			fail_msg("\"%s\" was refused", valid[i]);
		loose(v);
	}
	for (i = 0; i < N_OF(invalid); i++) {
		v = exact(view_of(invalid[i]));
		if (mime_is_valid(v))
			fail_msg("\"%s\" was taken", invalid[i]);
		loose(v);
	}
	assert_false(mime_is_valid(VIEW("text/plain\0")));
	assert_false(mime_is_valid(VIEW("text/x; a=\"\0\"")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_extension_decides),
		cmocka_unit_test(the_table_is_sorted_and_each_row_is_found),
		cmocka_unit_test(a_media_type_has_one_item_type),
		cmocka_unit_test(a_media_type_is_checked_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

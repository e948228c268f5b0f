/*
 * find.c
 *		From the names that people use to the codes that state uses, and the
 *		errors when there is no such thing.
 *
 * Names of files, parties, offices, phases and persons are vocabulary, not
 * content: an unknown one is an ordinary set-up error (22023) that says what
 * to look at.  Dossiers are not found here: who may know of one, act.c asks.
 *
 * No lock is taken.  Kept is only the protocol of the file asked for last.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "acts.h"

#include "miscadmin.h"
#include "utils/builtins.h"

/* DETAIL of a refusal: "<protocol> art. <article>: <check>". */
char *
casus_find_detail(const CasusFile *file, const char *article,
				  const char *check)
{
	return casus_check_detail(casus_protocol(file->protocol), NULL, article, check);
}

static bool
read_file_row(CasusFile *file, const char *where, const char *name, int32 id)
{
	CasusQuery	query;
	bool		found;

	casus_query_begin(&query);
	if (name != NULL)
		casus_query_text(&query, name);
	else
		casus_query_int(&query, id);
	casus_query_read(&query, where);
	found = query.nrows == 1;
	if (found)
	{
		file->id = (int32) casus_query_get_int(&query, 0, 1);
		file->name = casus_query_get_text(&query, 0, 2);
		file->protocol = (int32) casus_query_get_int(&query, 0, 3);
		file->protocol_name = casus_query_get_text(&query, 0, 4);
		file->is_active = casus_query_get_bool(&query, 0, 5);
	}
	casus_query_end(&query);
	return found;
}

#define FILE_COLUMNS \
	"SELECT f.id, f.name, f.protocol, p.name, f.activated_at IS NOT NULL " \
	"FROM casus_cat.file f JOIN casus_cat.protocol p ON p.id = f.protocol "

void
casus_find_file(const char *name, CasusFile *file)
{
	if (!read_file_row(file, FILE_COLUMNS "WHERE f.name = $1", name, 0))
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("there is no such file"),
						  psprintf(_("No file is named \"%s\"."), name),
						  "SELECT name, protocol FROM casus.file;");
}

void
casus_find_file_by_id(int32 id, CasusFile *file)
{
	if (!read_file_row(file, FILE_COLUMNS "WHERE f.id = $1", NULL, id))
		elog(ERROR, "casus: file %d is gone", id);
}

/*
 * The protocol of a file, for what is asked row by row: the answer stands
 * until a state table changes.
 */
int32
casus_find_protocol_of(int32 file)
{
	static int32 known_file = 0;
	static int32 known_protocol;
	static uint64 known_at;
	CasusFile	found;

	uint64		as_of = casus_state_generation();

	if (known_file != file || known_at != as_of)
	{
		/* The look-up takes in messages: then it is asked again. */
		casus_find_file_by_id(file, &found);
		known_file = file;
		known_protocol = found.protocol;
		known_at = as_of;
	}
	return known_protocol;
}

/* An article of the protocol document, or NULL. */
static char *
article_at(const CasusFile *file, const char *path)
{
	CasusQuery	query;
	char	   *article;

	casus_query_begin(&query);
	casus_query_int(&query, file->protocol);
	casus_query_text(&query, path);
	casus_query_read(&query,
					 "SELECT pg_catalog.jsonb_path_query_first(definition, $2::jsonpath) #>> '{}' "
					 "FROM casus_cat.protocol WHERE id = $1");
	article = casus_query_get_text(&query, 0, 1);
	casus_query_end(&query);
	return article;
}

/* The article that says who may take part, or NULL. */
char *
casus_find_parties_article(const CasusFile *file)
{
	return article_at(file, "$.parties.article");
}

/* The article that asks for the ambtseed or VOG; the office's own when none is named. */
char *
casus_find_oath_article(const CasusFile *file, const CasusOffice *office)
{
	char	   *article = article_at(file, "$.oath.article");

	return article ? article : office->article;
}

#define DPIA_ARTICLE "$.parameters[*] ? (@.name == \"dpia\").article"

/* Before activation no dossier opens, nobody enters, no act is done. */
void
casus_find_active(const CasusFile *file)
{
	if (!file->is_active)
		casus_setup_error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, NULL,
						  _("the file is not activated"),
						  casus_find_detail(file, article_at(file, DPIA_ARTICLE),
											_("mandatory parameters and the reference of the DPIA are set at activation")),
						  psprintf("SELECT definition -> 'parameters' FROM casus.protocol;  -- casus.activate_protocol(%s, dpia => '...', parameters => '{...}')",
								   quote_literal_cstr(file->name)));
}

/* ---- vocabulary of a protocol ---- */

static void
unknown_word(const CasusFile *file, const char *kind, const char *name,
			 const char *view) pg_attribute_noreturn();

static void
unknown_word(const CasusFile *file, const char *kind, const char *name,
			 const char *view)
{
	casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
					  psprintf(_("there is no such %s in the protocol"), kind),
					  psprintf(_("%s has no %s \"%s\"."), file->protocol_name,
							   kind, name),
					  psprintf("SELECT name FROM casus.%s WHERE protocol = %s;",
							   view, quote_literal_cstr(file->protocol_name)));
}

void
casus_find_office(const CasusFile *file, const char *name, CasusOffice *office)
{
	CasusQuery	query;
	bool		found;

	casus_query_begin(&query);
	casus_query_int(&query, file->protocol);
	casus_query_text(&query, name);
	casus_query_read(&query,
					"SELECT code, name, level, needs_oath, article, needs_party "
					"FROM casus_cat.office WHERE protocol = $1 AND name = $2");
	found = query.nrows == 1;
	if (found)
	{
		office->code = (int) casus_query_get_int(&query, 0, 1);
		office->name = casus_query_get_text(&query, 0, 2);
		office->level = casus_query_get_text(&query, 0, 3)[0];
		office->needs_oath = casus_query_get_bool(&query, 0, 4);
		office->article = casus_query_get_text(&query, 0, 5);
		office->needs_party = casus_query_get_bool(&query, 0, 6);
	}
	casus_query_end(&query);
	if (!found)
		unknown_word(file, "office", name, "office");
}

int
casus_find_phase(const CasusFile *file, const char *name)
{
	int			code = casus_protocol_phase(casus_protocol(file->protocol),
											name);

	if (code < 0)
		unknown_word(file, "phase", name, "phase");
	return code;
}

int
casus_find_purpose(const CasusFile *file, const char *name)
{
	int			code = casus_protocol_purpose(casus_protocol(file->protocol),
											  name);

	if (code < 0)
		unknown_word(file, "purpose", name, "purpose");
	return code;
}

/* ---- parties and persons ---- */

#define PARTY \
	"SELECT code, starts <= pg_catalog.clock_timestamp() " \
	"AND (ends IS NULL OR ends > pg_catalog.clock_timestamp()) " \
	"FROM casus_cat.party WHERE file = $1 AND name = $2"

static int
find_party(const CasusFile *file, const char *name, bool lock)
{
	CasusQuery	query;
	int			code = 0;
	bool		member = false;

	casus_query_begin(&query);
	casus_query_int(&query, file->id);
	casus_query_text(&query, name);
	if (lock)
		casus_query_run(&query, PARTY " FOR SHARE");
	else
		casus_query_read(&query, PARTY);
	if (query.nrows == 1)
	{
		code = (int) casus_query_get_int(&query, 0, 1);
		member = casus_query_get_bool(&query, 0, 2);
	}
	casus_query_end(&query);
	if (code == 0 || !member)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("this party does not take part in the file"),
						  casus_find_detail(file, casus_find_parties_article(file),
											psprintf(code == 0 ?
													 _("no party is named \"%s\"") :
													 _("the membership of \"%s\" does not hold now"),
													 name)),
						  psprintf("SELECT name, starts, ends FROM casus.party WHERE file = %s;",
								   quote_literal_cstr(file->name)));
	return code;
}

/*
 * A party of the file whose membership holds now.  One that is not (any more)
 * a member takes no part: the refusal names the article that lists the parties.
 */
int
casus_find_party(const CasusFile *file, const char *name)
{
	return find_party(file, name, false);
}

/* The same, and its membership does not end before this transaction does. */
int
casus_find_party_lock(const CasusFile *file, const char *name)
{
	return find_party(file, name, true);
}

int32
casus_find_person(const char *name)
{
	CasusQuery	query;
	int32		id = 0;

	casus_query_begin(&query);
	casus_query_text(&query, name);
	casus_query_read(&query, "SELECT id FROM casus_cat.person WHERE name = $1");
	if (query.nrows == 1)
		id = (int32) casus_query_get_int(&query, 0, 1);
	casus_query_end(&query);
	if (id == 0)
		casus_setup_error(ERRCODE_INVALID_PARAMETER_VALUE, NULL,
						  _("there is no such person"),
						  psprintf(_("Nobody is known as \"%s\"."), name),
						  psprintf("SELECT name FROM casus.person;  -- or SELECT casus.add_person(%s, role => '...');",
								   quote_literal_cstr(name)));
	return id;
}

/* For a hint: the name by which acts know the person. */
char *
casus_find_name_of(int32 person)
{
	CasusQuery	query;
	char	   *name;

	casus_query_begin(&query);
	casus_query_int(&query, person);
	casus_query_read(&query, "SELECT name FROM casus_cat.person WHERE id = $1");
	name = query.nrows == 1 ? casus_query_get_text(&query, 0, 1) : pstrdup("...");
	casus_query_end(&query);
	return name;
}

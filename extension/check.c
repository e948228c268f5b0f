/*
 * check.c
 *		In words: which check refused, and under which article.
 *
 * DETAIL of a refusal reads `beesel-2021 art. 9.10: the check`.  The article is
 * that of the rule, gate, phase or stage that refuses; where there is none, the
 * one that the protocol document gives for the check (`checks`).  Where it is
 * not certain which protocol speaks, none is named.
 *
 * Reads state only, after everything else has been decided; no lock is kept.
 *
 * Copyright (c) 2026, the casus developers
 */
#include "relation.h"
#include "state.h"

#include "lib/stringinfo.h"
#include "utils/fmgroids.h"

/* In the middle of a restore a file can be there before its protocol. */
static bool
is_loaded(int32 protocol)
{
	CasusScan	scan;
	bool		found;

	casus_scan_key(&scan, CASUS_PROTOCOL, casus_table_pkey(CASUS_PROTOCOL), 1,
				   F_INT4EQ, Int32GetDatum(protocol));
	found = casus_scan_next(&scan);
	casus_scan_end(&scan);
	return found;
}

/* The protocol of all activated files, or 0 when they have none in common. */
static int32
of_activated_files(void)
{
	CasusScan	scan;
	int32		common = 0;
	bool		differ = false;

	casus_scan_all(&scan, CASUS_FILE);
	while (casus_scan_next(&scan))
	{
		int32		protocol = casus_scan_int(&scan, CASUS_COL_FILE_PROTOCOL, 0);
		bool		inactive;

		(void) casus_scan_get(&scan, CASUS_COL_FILE_ACTIVATED_AT, &inactive);
		if (inactive)
			continue;
		differ |= common != 0 && common != protocol;
		common = protocol;
	}
	casus_scan_end(&scan);
	return differ ? 0 : common;
}

/*
 * The one protocol under which these files are kept, or, without files, all
 * activated ones.  NULL: none, or more than one: then nobody guesses.
 */
const CasusProtocol *
casus_check_protocol(const int32 *files, int nfiles)
{
	int32		common = 0;

	if (!casus_installed())
		return NULL;
	if (nfiles == 0)
		common = of_activated_files();
	for (int i = 0; i < nfiles; i++)
	{
		int32		protocol = casus_dossier_file_protocol(files[i]);

		if (protocol == 0 || (common != 0 && common != protocol))
			return NULL;
		common = protocol;
	}
	return common != 0 && is_loaded(common) ? casus_protocol(common) : NULL;
}

/* That of the files that govern the table; prot NULL: no table is concerned. */
const CasusProtocol *
casus_check_protocol_of(const CasusProtected *prot)
{
	if (prot == NULL)
		return casus_check_protocol(NULL, 0);
	return prot->nfiles > 0 ? casus_check_protocol(prot->files, prot->nfiles) : NULL;
}

/* Alone, the check is a sentence of its own. */
static char *
sentence(const char *check)
{
	int			len = strlen(check);
	char	   *text = psprintf("%s%s", check, len > 0 && check[len - 1] == '.' ? "" : ".");

	text[0] = pg_ascii_toupper((unsigned char) text[0]);
	return text;
}

/*
 * article NULL or "": that of the protocol for this code; check NULL: the
 * message says it all.  NULL when nothing is left to say.
 */
char *
casus_check_detail(const CasusProtocol *protocol, const char *code,
				   const char *article, const char *check)
{
	if (protocol == NULL)
		return check ? sentence(check) : NULL;
	if ((article == NULL || article[0] == '\0') && code != NULL)
		article = casus_protocol_check_article(protocol, code);
	if (article == NULL || article[0] == '\0')
		return check ? psprintf("%s: %s", protocol->name, check) : NULL;
	if (check == NULL)
		return psprintf(_("%s art. %s"), protocol->name, article);
	return psprintf(_("%s art. %s: %s"), protocol->name, article, check);
}

/*
 * Set-up that is refused because it would open what is protected, or leave it
 * without its fence or its reason: under the article for this code, and where no
 * protocol speaks yet, or several do, under the law on which each of them rests
 * (protection by design, and security of processing).
 */
char *
casus_check_ground(const CasusProtocol *protocol, const char *code, const char *check)
{
	if (protocol != NULL && casus_protocol_check_article(protocol, code) != NULL)
		return casus_check_detail(protocol, code, NULL, check);
	return psprintf(_("AVG art. 25, 32: %s"), check);
}

/* The same for a table, also one that is not protected yet. */
char *
casus_check_ground_of(Oid relid, const char *code, const char *check)
{
	return casus_check_ground(casus_check_protocol_of(casus_registry_find(relid)), code, check);
}

/* casus_refuse() with the article of the protocol for this code. */
void
casus_check_refuse(const CasusProtocol *protocol, const char *code,
				   const char *message, const char *check, const char *hint)
{
	casus_refuse(code, message, casus_check_detail(protocol, code, NULL, check), hint);
}

void
casus_check_refuse_table(const CasusProtected *prot, const char *code,
						 const char *message, const char *check, const char *hint)
{
	casus_refuse_table(prot->family, code, message,
					   casus_check_detail(casus_check_protocol_of(prot), code, NULL, check),
					   hint);
}

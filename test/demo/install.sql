/*
 * install.sql
 *		casus goes into the existing database: the protocol, a file under it, the
 *		people and their offices.  As a superuser, who counts as casus_admin.
 */
CREATE EXTENSION casus;

SELECT casus.install_protocol('beesel-2021') \g /dev/null
SELECT casus.open_file('beesel-2021', 'ondermijning') \g /dev/null

SELECT casus.add_person('C. de Coordinator', 'coordinator', oath_on => '2020-01-01'),
	casus.add_person('R. de Regisseur', 'regisseur', oath_on => '2020-01-01'),
	casus.add_person('H. van Handhaving', 'handhaving', oath_on => '2020-01-01'),
	casus.add_person('B. van Belastingen', 'belastingen', oath_on => '2020-01-01')
\g /dev/null

SELECT casus.activate_protocol('ondermijning', 'DPIA 2026/1', '{"startdatum": "2021-12-14", "standaarden": []}') \g /dev/null

SELECT casus.appoint('C. de Coordinator', 'ondermijning', NULL, 'coordinator', reason => 'aanwijzing college'),
	casus.appoint('H. van Handhaving', 'ondermijning', 'bestuurlijke_handhaving', 'afgevaardigde', reason => 'aanwijzing afdeling'),
	casus.appoint('B. van Belastingen', 'ondermijning', 'belastingen_en_woz', 'afgevaardigde', reason => 'aanwijzing afdeling')
\g /dev/null
/* The casusregisseur is appointed per dossier, when there is one; the analyst holds no office at all. */

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

SELECT casus.activate_protocol('ondermijning', 'DPIA-2026-01') \g /dev/null

# pg_dump and pg_restore: without the backup role refused, with it complete and
# on record; the restored database is closed until its fence stands, and equal
# afterwards.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Test::More;
use CasusTest;
use PostgreSQL::Test::Utils;

my $node = CasusTest::start('main');
my $file = $node->basedir . '/whole.dump';

$node->safe_psql('postgres', q{
	CREATE ROLE coord LOGIN;
	CREATE ROLE dumper LOGIN BYPASSRLS IN ROLE casus_backup, pg_read_all_data;
	CREATE ROLE reader LOGIN BYPASSRLS IN ROLE pg_read_all_data;
	CREATE ROLE half LOGIN IN ROLE casus_backup, pg_read_all_data;
	SELECT casus.install_protocol('beesel-2021');
	SELECT casus.open_file('beesel-2021', 'zorg');
	SELECT casus.activate_protocol('zorg', 'DPIA 1', '{"startdatum": "2021-01-01", "standaarden": "x"}');
	SELECT casus.add_person('Coordinator', 'coord', oath_on => '2020-01-01');
	SELECT casus.appoint('Coordinator', 'zorg', NULL, 'coordinator', reason => 'test');
	CREATE TABLE zaak (id int PRIMARY KEY, soort text NOT NULL, titel text);
	CREATE TABLE regel (id int PRIMARY KEY, zaak int NOT NULL REFERENCES zaak, tekst text);
	CREATE INDEX ON zaak (lower(titel));
	INSERT INTO zaak SELECT g, 'gewoon', 'zaak ' || g FROM generate_series(1, 5) g;
	INSERT INTO regel SELECT g, g, 'regel ' || g FROM generate_series(1, 5) g;
	GRANT ALL ON zaak, regel TO coord;
	SELECT casus.protect('zaak', 'zorg', opens_dossier => true, governs => $$soort = 'signaal'$$, category => 'signaalomschrijving');
	SELECT casus.protect('regel', 'zorg', via => 'zaak', category => 'signaalomschrijving');
	SELECT casus.bind('zaak');
	SELECT casus.bind('regel');
});
$node->safe_psql('postgres', q{
	BEGIN;
	SELECT casus.enter('intake');
	INSERT INTO zaak VALUES (100, 'signaal', 'GEHEIM-TITEL');
	INSERT INTO regel VALUES (100, 100, 'GEHEIM-REGEL');
	COMMIT;
}, extra_params => [ '-U', 'coord' ]);

sub dump_as
{
	my ($user, @options) = @_;

	return command_fails([ 'pg_dump', '-U', $user, '-h', $node->host, '-p', $node->port,
			'-Fc', '-f', "$file.no", @options, 'postgres' ], "pg_dump as $user is refused");
}

dump_as('postgres');
dump_as('reader');
dump_as('half');
# A122: nor does a reader's, by default.
dump_as('coord');
dump_as('coord', '-t', 'zaak');
dump_as('postgres', '--enable-row-security', '-t', 'casus_cat.act');

# What a superuser or a reader may see of a mixed table he may dump, by asking for it.
my ($out, $err);
for my $user (qw(postgres coord))
{
	IPC::Run::run([ 'pg_dump', '-U', $user, '-h', $node->host, '-p', $node->port,
			'--enable-row-security', '--data-only', '-t', 'zaak', 'postgres' ], '>', \$out, '2>', \$err);
	like($out, qr/^5\tgewoon/m, "with row security on, rows outside the protocol are dumped by $user");
	unlike($out, qr/GEHEIM/, '... and no governed ones');
}

command_ok([ 'pg_dump', '-U', 'dumper', '-h', $node->host, '-p', $node->port,
		'-Fc', '-f', $file, 'postgres' ], 'pg_dump as a backup login');
my $log = CasusTest::log_text($node);
like($log, qr/"export"[^\n]*zaak/, 'the export is on record');
like($log, qr/"export"[^\n]*rows 6/, '... with its count');

# ... and the digest of what was sent, which anybody can compute who has it. [B-50]
sub digest_of_export { return (grep { ($_->{kind} // '') eq 'export' } CasusTest::log_records($node))[-1]{text} }
sub copied_by
{
	my ($user, $copy) = @_;
	my ($out, $err) = run_command([ 'psql', '-X', '-U', $user, '-h', $node->host, '-p', $node->port, '-d', 'postgres', '-c', $copy ]);
	return "$out\n";
}
my ($dumped) = $log =~ /"export"[^\n]*zaak[^\n]*sha256 (\w{64})/;
command_ok([ 'pg_restore', '-f', "$file.zaak", '--data-only', '-t', 'zaak', $file ], 'what was dumped of a table');
is(sha256_hex(slurp_file("$file.zaak") =~ /^COPY [^\n]*\n(.*?)^\\\.$/ms), $dumped, '... has the digest that is on record');
for my $copy ('COPY zaak TO STDOUT', 'COPY zaak (id, soort) TO STDOUT (FORMAT csv, HEADER)', 'COPY regel TO STDOUT',
	'COPY (SELECT id, kind FROM casus_cat.act ORDER BY id) TO STDOUT', 'COPY (SELECT repeat(md5(g::text), 100) FROM generate_series(1, 9000) g) TO STDOUT')
{
	my $out = copied_by('dumper', $copy);
	my $lines = ($out =~ tr/\n//) - ($copy =~ /HEADER/ ? 1 : 0);
	is(digest_of_export(), "rows $lines, sha256 " . sha256_hex($out), "count and digest are on record: $copy");
}
$node->safe_psql('postgres', 'GRANT pg_write_server_files, pg_execute_server_program TO dumper');
my $target = $node->basedir . '/zaak.copy';
copied_by('dumper', "COPY zaak TO '$target' (FORMAT binary)");
is(digest_of_export(), 'rows 6, sha256 ' . sha256_hex(slurp_file($target)), '... of a file of the server');
copied_by('dumper', "COPY zaak TO PROGRAM 'cat >/dev/null'");
is(digest_of_export(), 'rows 6', '... and none of what a program is given');
copied_by('dumper', 'COPY (SELECT 1 / (3 - g) FROM generate_series(1, 5) g) TO STDOUT');
copied_by('dumper', 'COPY (SELECT 1 WHERE false) TO STDOUT');
is(digest_of_export(), 'rows 0, sha256 ' . sha256_hex(''), '... nor of a copy that failed before');
# Copies to files that run inside of one to the client.
$node->safe_psql('postgres', q{CREATE FUNCTION binnen(bestand text) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN EXECUTE format('COPY (SELECT 1) TO %L', bestand); RETURN 'gelukt'; EXCEPTION WHEN OTHERS THEN RETURN 'mislukt'; END $$});
for my $inside ([ 'gelukt', "$target.1" ], [ 'mislukt', $node->basedir . '/nergens/zaak' ])
{
	is(copied_by('dumper', "COPY (SELECT binnen('$inside->[1]')) TO STDOUT"), "$inside->[0]\n", "a copy inside: $inside->[0]");
	is(digest_of_export(), 'rows 1, sha256 ' . sha256_hex("$inside->[0]\n"), '... of what was sent around it there is one');
}

# COPY TO of the table by the backup login; not of whoever takes its role.
is($node->safe_psql('postgres', 'COPY (SELECT count(*) FROM zaak) TO STDOUT', extra_params => [ '-U', 'dumper' ]),
	'5', 'a query of the backup login is bound');
like($node->safe_psql('postgres', 'COPY zaak TO STDOUT', extra_params => [ '-U', 'dumper' ]),
	qr/GEHEIM/, 'COPY of the table is not');
unlike($node->safe_psql('postgres', 'SET ROLE dumper; COPY zaak TO STDOUT'), qr/GEHEIM/, 'SET ROLE gives nothing');

# What casus keeps, motivations among it, leaves with an attempt on record, whole or by a query, also where the copy does not come to its end.
sub attempts { return scalar grep { $_->{payload} =~ /"attempt".*by the backup role/ } CasusTest::log_records($node, raw => 1) }
for my $copy ('COPY casus_cat.act_content TO STDOUT', 'COPY (SELECT * FROM casus_cat.act_content) TO STDOUT',
	'COPY (SELECT 1 / (id - id) FROM casus_cat.act) TO STDOUT')
{
	my $before = attempts();
	$node->psql('postgres', $copy, extra_params => [ '-U', 'dumper' ]);
	cmp_ok(attempts(), '>', $before, "on record: $copy");
}

# Restore, in sections: closed in between.
$node->safe_psql('postgres', 'CREATE DATABASE restored');
my @restore = ('pg_restore', '-U', 'postgres', '-h', $node->host, '-p', $node->port, '-d', 'restored');
command_ok([ @restore, '--section=pre-data', $file ], 'restore: definitions');
command_ok([ @restore, '--section=data', $file ], 'restore: data');
for my $table (qw(zaak regel))
{
	for my $user (qw(postgres coord dumper))
	{
		my ($code) = CasusTest::refusal($node, "SELECT * FROM $table", dbname => 'restored', user => $user);
		is($code, 'casus.not_fenced', "before the fence stands $user reads nothing of $table");
	}
	my ($code) = CasusTest::refusal($node, "COPY $table TO STDOUT", dbname => 'restored');
	is($code, 'casus.not_fenced', "... nor by COPY");
}
command_ok([ @restore, '--section=post-data', $file ], 'restore: fence');

# Equal: rows, labels, settings, and what each sees.
my $rows = q{SELECT id, soort, titel, casus_label FROM zaak ORDER BY 1};
is($node->safe_psql('restored', $rows), $node->safe_psql('postgres', $rows), 'a superuser sees the same');
is($node->safe_psql('restored', 'COPY zaak TO STDOUT', extra_params => [ '-U', 'dumper' ]),
	$node->safe_psql('postgres', 'COPY zaak TO STDOUT', extra_params => [ '-U', 'dumper' ]), 'the rows are the same');
$node->safe_psql('restored', q{SELECT casus.bind_person('Coordinator', 'coord')});
my $enter = q{BEGIN; SELECT casus.enter('intake'); SELECT id, tekst FROM regel ORDER BY 1; COMMIT;};
my $seen = $node->safe_psql('restored', $enter, extra_params => [ '-U', 'coord' ]);
is($seen, $node->safe_psql('postgres', $enter, extra_params => [ '-U', 'coord' ]), 'the coordinator sees the same');
like($seen, qr/GEHEIM-REGEL/, '... governed rows included');
is($node->safe_psql('restored', q{SELECT count(*) FROM casus.dossier}, extra_params => [ '-U', 'coord' ]),
	$node->safe_psql('postgres', q{SELECT count(*) FROM casus.dossier}, extra_params => [ '-U', 'coord' ]), 'the dossiers are the same');
like((CasusTest::refusal($node, 'COPY casus_cat.act FROM STDIN', dbname => 'restored'))[0],
	qr/bypass/, 'a restored installation takes no second restore');

# Whole, in one go.
$node->safe_psql('postgres', 'CREATE DATABASE whole');
command_ok([ 'pg_restore', '-U', 'postgres', '-h', $node->host, '-p', $node->port,
		'--exit-on-error', '-d', 'whole', $file ], 'restore in one go');
is($node->safe_psql('whole', $rows), $node->safe_psql('postgres', $rows), '... and it is equal');

# Who began to fill casus' tables while they were fresh, or brought the installation in, is on record, and goes on until somebody acts there:
# not for as long as he stays. [A113]
sub restores { return scalar grep { ($_->{kind} // '') eq 'maintenance' && ($_->{code} // '') eq 'restore' } CasusTest::log_records($node) }
sub bypasses
{
	my ($dbname, @commands) = @_;
	my ($out, $err) = run_command([ 'psql', '-X', '-U', 'postgres', '-h', $node->host, '-p', $node->port, '-d', $dbname,
		'-v', 'VERBOSITY=verbose', @commands ]);

	return scalar(() = $err =~ /casus[.]bypass/g);
}
my @copy = ('-c', q{COPY casus_cat.person FROM '/dev/null'});
my $before = restores();
$node->safe_psql('postgres', 'CREATE DATABASE fresh');
is(bypasses('fresh', '-c', 'CREATE EXTENSION casus', @copy, @copy), 0, 'a session fills a fresh installation');
is(bypasses('fresh', @copy, '-c', q{SELECT casus.add_person('Iemand')}, @copy), 1, '... until somebody acts there');
is(restores(), $before + 3, '... and each table is on record');
$node->safe_psql('postgres', 'CREATE DATABASE brought');
command_ok([ 'pg_restore', '-f', "$file.sql", '--section=pre-data', '--section=data', $file ], 'the dump as SQL');
# The clock of the server that was dumped ran ahead.
my $sql = slurp_file("$file.sql");
$sql =~ s{^(COPY casus_cat\.act \(id, at, .*\n\d+\t)\d{4}}{${1}2999}m or die 'no act in the dump';
open(my $ahead, '>', "$file.sql") or die;
print $ahead $sql;
close($ahead);
is(bypasses('brought', '-q', '-o', '/dev/null', '-f', "$file.sql", @copy, '-c', q{SELECT casus.bind_person('Coordinator', 'coord')}, @copy), 1,
	'so does one that brings its installation in');
is(bypasses('brought', @copy), 1, '... alone');

# Rows of one installation in the tables of another are denied.
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', q{CREATE EXTENSION casus; SELECT casus.add_person('Iemand')});
command_fails([ 'pg_restore', '-U', 'postgres', '-h', $node->host, '-p', $node->port,
		'-d', 'other', $file ], 'restore into another installation has errors');
is((CasusTest::refusal($node, 'SELECT * FROM zaak', dbname => 'other'))[0], 'casus.not_fenced',
	'... and its rows are denied');

# Dropping and copying databases is on record.
$node->safe_psql('postgres', 'DROP DATABASE other');
$log = CasusTest::log_text($node);
like($log, qr/DROP DATABASE other/, 'DROP DATABASE is on record');

$node->stop;
done_testing();

# A database is dumped and restored, whole and in sections.  At no moment in
# between may anybody read what is governed, and afterwards all is as it was:
# settings, labels, state, fence.
use strict;
use warnings;

use Test::More;
use CasusTest;
use PostgreSQL::Test::Utils;

my $node = CasusTest::start('main');

$node->safe_psql('postgres', q{
	CREATE ROLE app LOGIN;
	CREATE ROLE coordinator LOGIN;
	CREATE ROLE eigenaar LOGIN;
	CREATE ROLE bewaarder LOGIN BYPASSRLS IN ROLE casus_backup, pg_read_all_data;
	CREATE ROLE groeplid LOGIN IN ROLE casus_backup, pg_read_all_data;
	GRANT CREATE ON SCHEMA public TO eigenaar;
	CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL, titel text NOT NULL);
	CREATE TABLE "Stuk ""1""" (id integer PRIMARY KEY,
		"Zaak" integer NOT NULL REFERENCES zaak DEFERRABLE INITIALLY DEFERRED, tekst text);
	ALTER TABLE zaak OWNER TO eigenaar;
	ALTER TABLE "Stuk ""1""" OWNER TO eigenaar;
	INSERT INTO zaak SELECT n, CASE WHEN n % 5 = 0 THEN 8 ELSE 1 END, 'zaak ' || n FROM generate_series(1, 50) n;
	INSERT INTO "Stuk ""1""" SELECT n, n, 'stuk ' || n FROM generate_series(1, 50) n;
	GRANT SELECT, INSERT, UPDATE, DELETE ON zaak, "Stuk ""1""" TO app, coordinator;
	SELECT casus.install_protocol('beesel-2021');
	SELECT casus.open_file('beesel-2021', 'ond');
	SELECT casus.activate_protocol('ond', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": []}');
	SELECT casus.add_person('C', 'coordinator', oath_on => '2020-01-01');
	SELECT casus.appoint('C', 'ond', NULL, 'coordinator', reason => 'test');
	SELECT casus.protect('zaak', 'ond', opens_dossier => true, governs => 'soort = 8');
	SELECT casus.protect('"Stuk ""1"""', 'ond', via => 'Zaak');
	CALL casus.take_in('zaak', phase => '''intake''');
	CALL casus.take_in('"Stuk ""1"""');
	SELECT casus.bind('zaak', 'enforce');
	SELECT casus.bind('"Stuk ""1"""', 'enforce');
	CREATE MATERIALIZED VIEW beeld AS SELECT id, titel FROM zaak;
	CREATE MATERIALIZED VIEW beeld_later AS SELECT id FROM zaak WITH NO DATA;
});

my $dir = $node->basedir;
my @at = ('-h', $node->host, '-p', $node->port);

# Who may dump: the login itself needs BYPASSRLS, besides the membership.
command_ok([ 'pg_dump', @at, '-U', 'bewaarder', '-Fc', '-f', "$dir/dump", 'postgres' ], 'the backup role dumps');
command_fails([ 'pg_dump', @at, '-U', 'eigenaar', '-f', "$dir/no", '-t', 'zaak', 'postgres' ], 'the owner of the tables does not');
command_fails([ 'pg_dump', @at, '-U', 'groeplid', '-f', "$dir/no", '-t', 'zaak', 'postgres' ], 'nor a member without BYPASSRLS');
my ($by_superuser) = run_command([ 'pg_dump', @at, '-U', 'postgres', '-t', 'zaak', 'postgres' ]);
unlike($by_superuser, qr/^\d+\t8\t/m, 'in that of a superuser no governed row');

sub query
{
	my ($db, $role, $sql) = @_;
	my ($out, $err);

	$node->psql($db, $sql, stdout => \$out, stderr => \$err, extra_params => [ '-U', $role ]);
	return $err ? 'refused' : $out;
}

# What each may see of the governed rows: nothing, in any state of the restore.
sub closed
{
	my ($db, $when) = @_;

	for my $role ('postgres', 'app', 'eigenaar')
	{
		for my $table ('zaak', '"Stuk ""1"""')
		{
			my $n = query($db, $role, "SELECT count(*) FROM $table WHERE id % 5 = 0");
			ok($n eq 'refused' || $n eq '0', "$when: $role reads no governed row of $table ($n)");
		}
	}
	unlike(query($db, 'postgres', 'COPY zaak TO STDOUT'), qr/^\d+\t8\t/m, "$when: nor by COPY");
	like(query($db, 'app', 'UPDATE zaak SET titel = titel WHERE id = 5 RETURNING titel'), qr/^(|refused)$/, "$when: nor by UPDATE");
	return;
}

sub state_of
{
	my $db = shift;
	my ($out) = run_command([ 'pg_dump', @at, '-U', 'bewaarder', '--no-comments', $db ]);

	# psql's random \restrict key of newer pg_dumps, and the database's name
	$out =~ s/^\\(un)?restrict .*$//mg;
	return $out;
}

# The first lines that differ.
sub note_difference
{
	my @a = split /\n/, shift;
	my @b = split /\n/, shift;
	my $n = 0;

	for my $i (0 .. ($#a > $#b ? $#a : $#b))
	{
		next if ($a[$i] // '') eq ($b[$i] // '');
		diag(sprintf("line %d\n- %s\n+ %s", $i, $a[$i] // '(none)', $b[$i] // '(none)'));
		last if ++$n > 5;
	}
	return;
}

sub afterwards
{
	my ($db, $how) = @_;

	closed($db, "$how, restored");
	is(query($db, 'app', 'SELECT count(*) FROM zaak'), '40', "$how: rows outside the protocol are there");
	is(query($db, 'app', 'SELECT count(*) FROM "Stuk ""1"""'), '40', "$how: and below them");
	is(query($db, 'postgres', 'SELECT count(*) FROM beeld'), '40', "$how: and in a materialized view");
	is(query($db, 'app', q{INSERT INTO zaak VALUES (60, 1, 'nieuw'); INSERT INTO "Stuk ""1""" VALUES (60, 60, 'x'); SELECT count(*) FROM zaak}),
		'41', "$how: the application goes on");
	is((CasusTest::refusal($node, "INSERT INTO zaak VALUES (61, 8, 'x')", dbname => $db, user => 'app'))[0], 'casus.no_purpose',
		"$how: a governed row needs a purpose");
	query($db, 'app', 'DELETE FROM "Stuk ""1""" WHERE id = 60; DELETE FROM zaak WHERE id = 60');
	# Roles are bound to persons again by an admin.
	is(query($db, 'coordinator', q{BEGIN; SELECT casus.enter('intake'); SELECT count(*) FROM zaak}), 'refused',
		"$how: a role is nobody before it is bound again");
	$node->safe_psql($db, q{SELECT casus.bind_person('C', 'coordinator')});
	like(query($db, 'coordinator', q{BEGIN; SELECT casus.enter('intake'); SELECT count(*) FROM zaak WHERE soort = 8}), qr/10$/,
		"$how: then the coordinator reads by his purpose");
	return;
}

my $before = state_of('postgres');

# Whole.
$node->safe_psql('postgres', 'CREATE DATABASE whole');
command_ok([ 'pg_restore', @at, '-U', 'postgres', '-1', '--enable-row-security', '-d', 'whole', "$dir/dump" ], 'restore of the whole');
ok(state_of('whole') eq $before, 'whole: a dump of it is the same') or note_difference($before, state_of('whole'));
afterwards('whole', 'whole');

# In sections.
$node->safe_psql('postgres', 'CREATE DATABASE sections');
for my $section ('pre-data', 'data', 'post-data')
{
	command_ok([ 'pg_restore', @at, '-U', 'postgres', '-e', '--enable-row-security', '-d', 'sections', "--section=$section", "$dir/dump" ], "restore of $section");
	closed('sections', "after $section");
	is((CasusTest::refusal($node, 'SELECT * FROM zaak', dbname => 'sections'))[0], 'casus.not_fenced',
		"after $section: labelled but not fenced") if $section ne 'post-data';
}
ok(state_of('sections') eq $before, 'sections: a dump of it is the same') or note_difference($before, state_of('sections'));
afterwards('sections', 'sections');

# Without the settings the label column alone keeps the table closed.
$node->safe_psql('postgres', 'CREATE DATABASE bare');
# What fills a materialized view is refused meanwhile; the rest goes on.
run_command([ 'pg_restore', @at, '-U', 'postgres', '--enable-row-security', '-d', 'bare', '--no-security-labels', "$dir/dump" ]);
closed('bare', 'no labels');
is((CasusTest::refusal($node, "INSERT INTO zaak VALUES (61, 1, 'x')", dbname => 'bare'))[0], 'casus.not_fenced', 'no labels: nothing is inserted');

# Nor is it open when the settings of a column alone are missing.
$node->safe_psql('postgres', 'CREATE DATABASE lacking');
command_ok([ 'pg_restore', '--enable-row-security', '-f', "$dir/plain.sql", "$dir/dump" ], 'the dump as SQL');
my $sql = slurp_file("$dir/plain.sql");
ok($sql =~ s/^SECURITY LABEL FOR casus ON COLUMN .*\n//mg, 'columns bear labels');
# What fills a materialized view would read a table that is closed.
$sql =~ s/^REFRESH MATERIALIZED VIEW .*\n//mg;
append_to_file("$dir/lacking.sql", $sql);
command_ok([ 'psql', @at, '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-U', 'postgres', '-d', 'lacking', '-f', "$dir/lacking.sql" ],
	'restore without labels of columns');
closed('lacking', 'no labels of columns');
$node->safe_psql('lacking', q{SELECT casus.bind_person('C', 'coordinator')});
is(query('lacking', 'coordinator', q{BEGIN; SELECT casus.enter('intake'); SELECT count(*) FROM zaak WHERE soort = 8}), 'refused',
	'no labels of columns: nor open to who has a purpose');

# Rows restored into another installation are nobody's.
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', q{CREATE EXTENSION casus; SELECT casus.install_protocol('beesel-2021'); SELECT casus.open_file('beesel-2021', 'ond')});
run_command([ 'pg_restore', @at, '-U', 'postgres', '-d', 'other', '-n', 'public', "$dir/dump" ]);
closed('other', 'another installation');

$node->stop;
done_testing();

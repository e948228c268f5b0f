# Partitioned tables and linked documents, dumped and restored: partitions are
# attached before their rows and their fence come.  Closed in between, and
# afterwards as before.
use strict;
use warnings;

use IPC::Run;
use Test::More;
use CasusTest;
use PostgreSQL::Test::Utils;

my $node = CasusTest::start('main');

$node->safe_psql('postgres', q{
	CREATE ROLE app LOGIN;
	CREATE ROLE coordinator LOGIN;
	CREATE ROLE bewaarder LOGIN BYPASSRLS IN ROLE casus_backup, pg_read_all_data;
	CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL);
	CREATE TABLE notitie (id integer, maand date, zaak_id integer REFERENCES zaak DEFERRABLE, PRIMARY KEY (id, maand)) PARTITION BY RANGE (maand);
	CREATE TABLE notitie_1 PARTITION OF notitie FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
	CREATE TABLE notitie_2 (zaak_id integer, maand date NOT NULL, id integer NOT NULL);
	ALTER TABLE notitie ATTACH PARTITION notitie_2 FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
	CREATE TABLE document (id integer PRIMARY KEY);
	CREATE TABLE koppeling (zaak_id integer REFERENCES zaak, document_id integer REFERENCES document, PRIMARY KEY (zaak_id, document_id));
	CREATE TABLE stuk (id integer PRIMARY KEY, zaak_id integer REFERENCES zaak);
	CREATE TABLE brief (PRIMARY KEY (id), FOREIGN KEY (zaak_id) REFERENCES zaak) INHERITS (stuk);
	INSERT INTO zaak VALUES (1, 8), (2, 8), (3, 1);
	INSERT INTO notitie VALUES (1, '2026-01-01', 1), (2, '2026-02-01', 2), (3, '2026-01-01', 3), (4, '2026-02-01', 3);
	INSERT INTO document VALUES (1), (2), (3);
	INSERT INTO koppeling VALUES (1, 1), (1, 2), (2, 2), (3, 3);
	INSERT INTO stuk VALUES (1, 1); INSERT INTO brief VALUES (2, 2), (3, 3);
	GRANT SELECT ON ALL TABLES IN SCHEMA public TO app, coordinator;
	SELECT casus.install_protocol('beesel-2021');
	SELECT casus.open_file('beesel-2021', 'ond');
	SELECT casus.activate_protocol('ond', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": []}');
	SELECT casus.add_person('C', 'coordinator', oath_on => '2020-01-01');
	SELECT casus.appoint('C', 'ond', NULL, 'coordinator', reason => 'test');
	SELECT casus.protect('zaak', 'ond', opens_dossier => true, governs => 'soort = 8');
	SELECT casus.protect('notitie', 'ond', via => 'zaak_id');
	SELECT casus.protect('stuk', 'ond', via => 'zaak_id');
	SELECT casus.protect('koppeling', 'ond', via => 'zaak_id');
	SELECT casus.protect('document', 'ond', via_link => 'koppeling');
	CALL casus.take_in('zaak', phase => '''intake''');
	CALL casus.take_in('notitie');
	CALL casus.take_in('stuk');
	CALL casus.take_in('koppeling');
	CALL casus.take_in('document');
	SELECT casus.bind('zaak'), casus.bind('koppeling');
	SELECT casus.bind('notitie');
	SELECT casus.bind('stuk');
	SELECT casus.bind('document');
});

my $dir = $node->basedir;
my @at = ('-h', $node->host, '-p', $node->port);
my @tables = qw(zaak notitie notitie_1 notitie_2 stuk brief document);

sub query
{
	my ($db, $role, $sql) = @_;
	my ($out, $err);

	$node->psql($db, $sql, stdout => \$out, stderr => \$err, extra_params => [ '-U', $role ]);
	return $err ? 'refused' : $out;
}

sub governed
{
	my ($db, $role) = @_;

	return join ' ', map { query($db, $role, "SELECT count(*) FROM $_ WHERE casus.dossier_of(casus_label) IS NOT NULL") } @tables;
}

sub state_of
{
	my $db = shift;
	my ($out) = run_command([ 'pg_dump', @at, '-U', 'bewaarder', '--no-comments', $db ]);

	$out =~ s/^\\(un)?restrict .*$//mg;
	return $out;
}

is(governed('postgres', 'app'), join(' ', (0) x @tables), 'the application sees no governed row');
my $was = query('postgres', 'coordinator', q{BEGIN; SELECT FROM casus.enter('intake'); SELECT string_agg(id::text, ' ' ORDER BY id) FROM document; COMMIT});
command_ok([ 'pg_dump', @at, '-U', 'bewaarder', '-Fc', '-f', "$dir/dump", 'postgres' ], 'dumped');
$node->safe_psql('postgres', 'CREATE DATABASE deel');
for my $section ('pre-data', 'data', 'post-data')
{
	command_ok([ 'pg_restore', @at, '-U', 'postgres', '-d', 'deel', '-e', "--section=$section", "$dir/dump" ], "restored: $section");
	unlike(governed('deel', $_), qr/[1-9]/, "after $section $_ sees no governed row") for ('app', 'postgres');
}
is(state_of('deel'), state_of('postgres'), 'as before, to the letter');
is(query('deel', 'postgres', "SELECT count(*) FROM casus_int.protected WHERE NOT is_fenced OR NOT has_settings"), 0, 'and fenced');
$node->safe_psql('deel', "SELECT casus.bind_person('C', 'coordinator')");
is(query('deel', 'coordinator', q{BEGIN; SELECT FROM casus.enter('intake'); SELECT string_agg(id::text, ' ' ORDER BY id) FROM document; COMMIT}), $was, 'whoever read, reads');
$node->safe_psql('deel', "CREATE TABLE notitie_3 PARTITION OF notitie FOR VALUES FROM ('2026-03-01') TO ('2026-04-01')");
is(query('deel', 'postgres', "SELECT is_fenced FROM casus_int.protected WHERE relation::text ~ 'notitie_3'"), 't', 'and the next partition is fenced');

# pg_restore -j makes what comes after the data in no order.  What it makes after the fence of its table is refused: put in the
# worst order here, and made in a window of maintenance then.
$node->safe_psql('postgres', 'CREATE DATABASE later');
command_ok([ 'pg_restore', @at, '-U', 'postgres', '-d', 'later', '-e', "--section=$_", "$dir/dump" ], "later: $_") for 'pre-data', 'data';
my ($list) = run_command([ 'pg_restore', '-l', '--section=post-data', "$dir/dump" ]);
my @items = grep { /^\d/ } split /\n/, $list;
my @keys = grep { / FK CONSTRAINT | INDEX / } @items;
my @fence = grep { / (?:POLICY|ROW SECURITY|TRIGGER) / } @items;
my @rest = grep { my $item = $_; !grep { $_ eq $item } @keys, @fence } @items;
cmp_ok(scalar(@keys), '>', 2, 'there are keys') and cmp_ok(scalar(@fence), '>', 5, '... and fences');
sub restore_items
{
	my ($file, @which) = @_;
	append_to_file("$dir/$file", join "\n", @which, '');
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'pg_restore', @at, '-U', 'postgres', '-d', 'later', '-L', "$dir/$file", "$dir/dump" ], '>', \$out, '2>', \$err);
	return $err;
}
is(restore_items('first', @rest, @fence), '', 'the fences come first');
my $refused = restore_items('then', @keys);
is(() = $refused =~ /ERROR:  this command is not allowed on what casus protects/g, () = $refused =~ /ERROR: /g, '... and what comes after them');
cmp_ok(scalar(() = $refused =~ /ERROR: /g), '>', 2, '... is refused');
unlike(governed('later', $_), qr/[1-9]/, "... $_ sees no governed row") for ('app', 'postgres');
my ($sql) = run_command([ 'pg_restore', '-f', '-', '-L', "$dir/then", "$dir/dump" ]);
my $windows = join '', map { "SELECT casus.maintenance('$_', 'pg_restore');\n" } qw(zaak notitie stuk koppeling document);
my ($said, $wrong) = ('', '');
$node->psql('later', $windows . ($sql =~ s/^\\.*//mgr), stdout => \$said, stderr => \$wrong);
is($wrong, '', 'in windows of maintenance they are made');
is(state_of('later'), state_of('postgres'), '... and all is as it was');
# In no order at all, it stays closed.
$node->safe_psql('postgres', 'CREATE DATABASE naast');
command_ok([ 'pg_restore', @at, '-U', 'postgres', '-d', 'naast', '-e', "--section=$_", "$dir/dump" ], "beside each other: $_") for 'pre-data', 'data';
run_command([ 'pg_restore', @at, '-U', 'postgres', '-d', 'naast', '-j', '3', '--section=post-data', "$dir/dump" ]);
is(query('naast', 'postgres', 'SELECT count(*) FROM casus_int.protected WHERE NOT is_fenced'), 0, '... all is fenced');
unlike(governed('naast', $_), qr/[1-9]/, "... and $_ sees no governed row") for ('app', 'postgres');

done_testing();

# The loader of the access log: killed at any moment it neither loses nor doubles a record; what it has put into tables
# stays when the segments are gone; nobody else touches them, and a dump does not take them along.
use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use File::Copy qw(move);
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);
use CasusTest;

my $cycles = $ENV{TEST_LONG} ? 60 : 5;
my $node = CasusTest::start('main', conf => "restart_after_crash = on\ncasus.log_segment_size = 256kB\ncasus.log_load_interval = 1\n");
$node->safe_psql('postgres', q{
	CREATE ROLE auditor LOGIN IN ROLE casus_auditor;
	CREATE ROLE iemand LOGIN;
	CREATE ROLE backup LOGIN BYPASSRLS IN ROLE casus_backup;
	GRANT pg_read_all_data TO backup;
	CREATE ROLE buur LOGIN;
	SELECT casus.add_person('Iemand', 'iemand');
	SELECT casus.add_person('Buur', 'buur');
	CREATE FUNCTION loader() RETURNS integer LANGUAGE plpgsql AS $$
	DECLARE
		found integer;
	BEGIN
		FOR i IN 1 .. 3000 LOOP
			PERFORM pg_stat_clear_snapshot();
			SELECT pid INTO found FROM pg_stat_activity WHERE backend_type = 'casus log loader' AND datname = current_database();
			EXIT WHEN found IS NOT NULL;
			PERFORM pg_sleep(0.001);
		END LOOP;
		RETURN found;
	END $$});
$node->safe_psql('postgres', 'CREATE DATABASE ander');
$node->safe_psql('postgres', 'CREATE DATABASE kaal');
$node->safe_psql('ander', 'CREATE EXTENSION casus');

sub sql { my ($sql, $user, $database) = @_; return $node->safe_psql($database // 'postgres', $sql, extra_params => [ '-U', $user // 'postgres' ]) }

sub wait_until { return CasusTest::wait_until(@_) }
sub main_loader { return sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'casus log loader' AND datname IS NULL}) }

# What the files have about a database up to a number, and what the view shows.
sub in_files
{
	my ($database, $to) = @_;
	my @lines = map { [ $_->{seq}, $_->{payload} =~ /,"database":"(\w+)"/ ] } CasusTest::log_records($node, raw => 1);
	return join ' ', map { $_->[0] } grep { $_->[0] <= $to && ($_->[1] // $database) eq $database } @lines;
}
sub in_view
{
	my ($database, $to) = @_;
	return sql("SELECT coalesce(string_agg(seq::text, ' ' ORDER BY seq), '') FROM casus.access_log WHERE seq <= $to", 'auditor', $database);
}
sub last_seq { return sql('SELECT seq FROM casus.log_anchor()', 'auditor') }
# Waits until all that is on record now about a database is in its tables.
sub wait_loaded
{
	my ($database) = @_;
	last_seq();
	my ($last) = map { $_->{seq} } grep { $_->{payload} =~ /,"database":"$database"/ } reverse CasusTest::log_records($node, raw => 1);
	return wait_until(sub { sql('SELECT coalesce(max(loaded_seq), 0) FROM casus.log_nodes() WHERE is_this', 'auditor', $database) >= $last });
}

sub compare
{
	my ($what) = @_;
	my $to = last_seq();
	for my $database ('postgres', 'ander') { is(in_view($database, $to), in_files($database, $to), "$what: $database has each record once") }
	return;
}

# ---- what is loaded ----

my $script = $node->basedir . '/refused.sql';
append_to_file($script, "DO \$\$ BEGIN PERFORM casus.open_file('geen', 'geen'); EXCEPTION WHEN OTHERS THEN NULL; END \$\$;\n");
sub work { my (@opt) = @_; return [ 'pgbench', '-n', '-c', '4', '-f', $script, '-h', $node->host, '-p', $node->port, @opt ] }

$node->command_ok(work('-t', 400, 'postgres'), 'sessions leave records');
sql(q{DO $$ BEGIN PERFORM casus.open_file('geen', 'geen'); EXCEPTION WHEN OTHERS THEN NULL; END $$}, $_) for ('buur', 'iemand');
sql(q{DO $$ BEGIN PERFORM casus.open_file('geen', 'geen'); EXCEPTION WHEN OTHERS THEN NULL; END $$}, 'postgres', 'ander');
ok(wait_loaded($_), "they come into tables of their databases ($_)") for ('ander', 'postgres');
compare('loaded');
is(sql(q{SELECT count(*) FROM pg_stat_database WHERE datname = 'kaal' AND xact_commit > 5}), '0', 'a database without casus is left alone');
is(sql(q{SELECT count(*) > 0 AND bool_and(person = 'Iemand') FROM casus.access_log}, 'iemand'), 't', 'a person finds his own records in tables');
is(sql(q{SELECT count(*) FROM casus.access_log}), '0', '... and a superuser none');
is(sql(q{SELECT count(*) > 0 FROM casus.access_log WHERE kind = 'read' AND role = 'auditor' AND code = 'access_log'}, 'auditor'), 't',
	'that the log was read is in it');

# ---- nobody else touches the tables ----

my ($partition) = split /\n/, sql(q{SELECT oid::regclass FROM pg_class WHERE relname ~ '^access_record_\d{4}_\d\d$' ORDER BY relname});
# By casus, also to who has the right to read, or every right.
my %refused = (
	(map { $_ => 'casus.bypass' } "SELECT * FROM $partition", 'SELECT count(*) FROM casus_cat.access_record', 'SELECT seq FROM casus_cat.log_loaded', "COPY (SELECT * FROM $partition) TO STDOUT",
		'COPY (SELECT line FROM casus_cat.access_record) TO STDOUT', 'COPY (SELECT count(*) FROM casus_cat.log_loaded) TO STDOUT',
		"COPY (SELECT (SELECT max(line::text) FROM $partition) FROM casus_cat.file) TO STDOUT"),
	(map { $_ => 'casus.copy_out' } "COPY $partition TO STDOUT", 'COPY casus_cat.log_loaded TO STDOUT'),
	(map { $_ => 'casus.bypass' } "DELETE FROM $partition", "UPDATE $partition SET person = 'x'", 'DELETE FROM casus_cat.log_loaded'),
	(map { $_ => 'casus.ddl' } "TRUNCATE $partition", "ALTER TABLE casus_cat.access_record DETACH PARTITION $partition", "ALTER TABLE $partition DISABLE TRIGGER ALL"));
for my $statement (sort keys %refused)
{
	is((CasusTest::refusal($node, "BEGIN; $statement", user => $_))[0], $refused{$statement}, "$_: $statement is refused by casus") for 'postgres', 'backup';
	like((CasusTest::refusal($node, "BEGIN; $statement", user => 'auditor'))[1], qr/^permission denied for|^must be owner of/, "auditor: $statement is refused");
}
like((CasusTest::refusal($node, "DROP TABLE $partition"))[1], qr/^cannot drop table .* because extension casus requires it/, 'nor does a partition go');
# What a dump takes along, and that alone, the backup login reads.
my @state = split /\n/, sql(q{SELECT c.oid::regclass || ' ' || (c.oid = ANY (extconfig)) FROM pg_class c, pg_extension
	WHERE extname = 'casus' AND relnamespace = 'casus_cat'::regnamespace AND relkind IN ('r', 'p') ORDER BY relname});
my $taken = 0;
for (@state)
{
	my ($table, $in_dump) = split / /;
	$taken += $in_dump eq 'true';
	for my $copy ("COPY $table TO STDOUT", "COPY (SELECT * FROM $table) TO STDOUT")
	{
		is((CasusTest::refusal($node, $copy, user => 'backup'))[0] =~ s/^casus\.(?:bypass|copy_out)$/refused/r, $in_dump eq 'true' ? '' : 'refused', "backup: $copy");
	}
}
ok($taken > 20 && $taken < @state, 'of both there are some');
is(sql(qq{SELECT string_agg(tgname || tgenabled::text, ' ' ORDER BY tgname) FROM pg_trigger WHERE tgrelid = '$partition'::regclass}),
	'state_guardA state_guard_truncateA', 'a partition has the triggers of a state table, always');
my ($dump) = run_command([ 'pg_dump', '-U', 'backup', '-h', $node->host, '-p', $node->port, 'postgres' ]);
like($dump, qr/COPY casus_cat\.person /, 'a dump has the state');
unlike($dump, qr/COPY casus_cat\.(?:access_record|log_loaded)|CREATE TABLE casus_cat|"no_appointment"/, '... and nothing of the log');

# ---- the tables stay when a segment is gone ----

my ($first) = CasusTest::log_segments($node);
my $to = last_seq();
ok(wait_loaded('postgres'), 'all of it is in tables');
my $all = in_view('postgres', $to);
move($first, "$first.away") or die $!;
is(in_view('postgres', $to), $all, 'the records of a segment that is gone are shown from the table');
move("$first.away", $first) or die $!;

# ---- kills ----

my %killed = (loader => 0, postmaster => 0);
for my $cycle (1 .. $cycles)
{
	my $bench = IPC::Run::start(work('-T', 180, '-R', 400, 'postgres'), '>', \my $out, '2>', \my $err, CasusTest::patience());
	my $again;
	sleep 0.5 + rand;
	if ($cycle % 3 != 0)
	{
		# It lives for moments, so that it may have ended when it is to be killed.
		wait_until(sub { $again = CasusTest::kill_process($node, sql('SELECT loader()')) }) or die 'there is no loader to be killed';
		$killed{loader}++;
	}
	else
	{
		$killed{postmaster}++;
		$node->kill9;
		$again = sub { CasusTest::start_again($node) };
	}
	eval { $bench->finish; 1 } or 1;
	$again->();
	compare("cycle $cycle");
}
diag('counted: ' . join ', ', map { "$_ killed $killed{$_} times" } sort keys %killed);
cmp_ok($killed{loader}, '>', 0, 'a loader was killed while it worked');
is(CasusTest::log_damage($node), '', 'the log itself is sound');

# After a stop in order it goes on where it was.
$node->restart;
$node->command_ok(work('-t', 300, 'postgres'), 'after a restart');
ok(wait_loaded('postgres'), '... it is loaded too');
compare('in the end');

# ---- a loader that finds no casus any more, and one that finds it again ----

# While the loader is in the middle of its work.
sub waits_for
{
	my ($type) = @_;
	my $for;
	wait_until(sub { $for = sql("SELECT coalesce(classid, relation)::regclass FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE datname = 'ander' AND backend_type = '$type' AND NOT granted"); return $for ne '' });
	return $for;
}
my ($in, $held, $dropped) = ("BEGIN; LOCK TABLE casus_cat.access_record IN SHARE MODE; SELECT 'held';\n", '', '');
my $holder = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('ander') ], '<', \$in, '>&', \$held, CasusTest::patience());
$holder->pump until $held =~ /held|ERROR/;
sql(q{DO $$ BEGIN PERFORM casus.open_file('geen', 'geen'); EXCEPTION WHEN OTHERS THEN NULL; END $$}, 'postgres', 'ander');
isnt(waits_for('casus log loader'), '', 'the loader waits, with some tables locked');
my $drop = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('ander'), '-c', 'SET client_min_messages = warning; DROP EXTENSION casus CASCADE' ], '>&', \$dropped, CasusTest::patience());
is(waits_for('client backend'), 'pg_extension', 'DROP EXTENSION waits for it before it has locked any');
$in = "COMMIT;\n";
$holder->finish;
$drop->finish;
is($dropped, '', '... and goes on after it');
is(sql(q{SELECT count(*) FROM pg_class WHERE relname ~ '^access_record'}, 'postgres', 'ander'), '0', 'with the extension its tables go');
sql('CREATE EXTENSION casus', 'postgres', 'ander');
# The first partition changes the parent's row in pg_class, beside a GRANT on it that pg_restore runs.
is(sql(q{SELECT relhassubclass FROM pg_class WHERE oid = 'casus_cat.access_record'::regclass}, 'postgres', 'ander'), 't',
	'the parent has a partition before the loader comes');
sql(q{DO $$ BEGIN PERFORM casus.open_file('geen', 'geen'); EXCEPTION WHEN OTHERS THEN NULL; END $$}, 'postgres', 'ander');
ok(wait_loaded('ander'), 'made again they are filled from the segments');
compare('made again');

# ---- who has the log open, and who has locked it ----

# Nobody comes into it, and so no loader, until the log has been read.
sub talk
{
	my ($session, $say, $until) = @_;
	${ $session->{in} } = $say;
	$session->{run}->pump until ${ $session->{out} } =~ /$until|ERROR/;
	return;
}
sub session
{
	my ($role, $database) = @_;
	my ($in, $out) = ("SELECT 'there';\n", '');
	my $session = { in => \$in, out => \$out };
	$session->{run} = IPC::Run::start([ 'psql', '-XAtq', '-U', $role, '-d', $node->connstr($database) ], '<', \$in, '>&', \$out, CasusTest::patience());
	talk($session, $in, 'there');
	return $session;
}
sql('CREATE DATABASE open');
my ($maker, $reader) = (session('postgres', 'open'), session('iemand', 'open'));
sql('ALTER DATABASE open ALLOW_CONNECTIONS false');
talk($maker, "CREATE EXTENSION casus;\nSELECT 'made';\n", 'made');
talk($reader, "BEGIN; SELECT 'read ' || count(*) FROM casus.access_log;\n", 'read');
sql('ALTER DATABASE open ALLOW_CONNECTIONS true');
sql(q{DO $$ BEGIN PERFORM casus.open_file('geen', 'geen'); EXCEPTION WHEN OTHERS THEN NULL; END $$}, 'postgres', 'open');
ok(wait_loaded('open'), 'a month gets its partition while a transaction that has read the log is open');
is(sql(q{SELECT count(*) FROM pg_inherits WHERE inhparent = 'casus_cat.access_record'::regclass}, 'postgres', 'open'), '2', '... which is one of the log');
talk($maker, "BEGIN; LOCK TABLE casus_cat.access_record IN SHARE MODE; SELECT 'held';\n", 'held');
sql(q{DO $$ BEGIN PERFORM casus.open_file('geen', 'geen'); EXCEPTION WHEN OTHERS THEN NULL; END $$}, 'postgres', $_) for qw(open ander postgres);
ok(wait_loaded('ander') && wait_loaded('postgres'), 'where a table of the log is locked the loader goes on with other databases');
for my $session ($maker, $reader)
{
	${ $session->{in} } = "COMMIT;\n";
	$session->{run}->finish;
}
ok(wait_loaded('open'), '... and comes back');
sql('DROP DATABASE open WITH (FORCE)');

# ---- a database under the name of an earlier one, in an encoding that cannot hold what that had on record ----

sql('CREATE DATABASE taal');
sql(qq{CREATE EXTENSION casus; CREATE ROLE "\xc5\xbeofie"; GRANT "\xc5\xbeofie" TO iemand}, 'postgres', 'taal');
sql(qq{SET ROLE "\xc5\xbeofie"; DO \$\$ BEGIN PERFORM casus.open_file('geen', 'geen'); EXCEPTION WHEN OTHERS THEN NULL; END \$\$}, 'postgres', 'taal');
sql(q{DROP DATABASE taal WITH (FORCE)});
sql(q{CREATE DATABASE taal ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0});
sql('CREATE EXTENSION casus', 'postgres', 'taal');
is(sql(q{SELECT count(*) FROM casus.access_log WHERE role = '??ofie' OR role = '?ofie'}, 'auditor', 'taal') > 0, 1, 'what it cannot hold is shown with question marks');
ok(wait_loaded('taal'), '... and does not stop the loader');

# ---- other processes do not wait for it ----

for my $database ('kaal', 'ander')
{
	my ($out, $err) = ('', '');
	$node->psql('postgres', "SET statement_timeout = '180s'; DROP DATABASE $database WITH (FORCE)", stdout => \$out, stderr => \$err);
	is($err, '', "a database is dropped ($database): the loader absorbs the barrier");
}

# ---- a cut into a record that is in tables: what comes after it comes into them too ----

sub refuse { sql(q{DO $$ BEGIN PERFORM casus.open_file('geen', 'geen'); EXCEPTION WHEN OTHERS THEN NULL; END $$}); return }
sub not_in_view
{
	my ($number) = @_;
	my %shown = map { $_ => 1 } split / /, in_view('postgres', $number);
	return join ' ', grep { !$shown{$_} } split / /, in_files('postgres', $number);
}
refuse() for 1 .. 5;
ok(wait_loaded('postgres'), 'all is in tables before the cut');
$node->stop('fast');
my ($cut) = grep { ($_->{database} // '') eq 'postgres' } reverse CasusTest::log_records($node);
truncate($cut->{segment}, $cut->{offset} + 10) or die $!;
$node->start;
refuse() for 1 .. 20;
my $written = last_seq();
cmp_ok($written, '>', $cut->{seq} + 20, 'a log that was cut goes on');
is(not_in_view($written), '', '... and every record is shown');
sql('SELECT casus.rotate_log_key()');
refuse();
ok(wait_loaded('postgres'), '... is loaded');
my $expected = in_files('postgres', $written);
move($cut->{segment}, "$cut->{segment}.away") or die $!;
my %shown = map { $_ => 1 } split / /, in_view('postgres', $written);
is(join(' ', grep { !$shown{$_} } split / /, $expected), '', '... and comes into tables');
move("$cut->{segment}.away", $cut->{segment}) or die $!;
is(sql("SELECT count(*) - count(DISTINCT (seq, at)) FROM casus.access_log WHERE seq <= $written", 'auditor'), '0', '... none twice');

# ---- what somebody does to entries that are not in tables yet ----

sub append_entries { return CasusTest::append_entries($node, @_) }
sub came_to { my ($number) = @_; return wait_until(sub { sql('SELECT coalesce(max(loaded_seq), 0) FROM casus.log_nodes() WHERE is_this', 'auditor') >= $number }) }
ok(wait_loaded('postgres'), 'all is in tables');
$node->stop;
my ($segment, $added, @places) = append_entries(map { qq{{"ts":"2026-11-22T10:00:00Z","kind":"read","database":"postgres","application":"$_"}} } 'first', 'second', 'zero \u0000 and \\\\u0000');
CasusTest::change_byte($segment, $places[1] + 5);
my $said = -s $node->logfile;
$node->start;
refuse() for 1 .. 5;
my $stays = qr/casus loads the access log only up to "[^"]*", position $places[1]: what follows is no entry/;
$node->wait_for_log($stays, $said);
ok(came_to($added - 2), 'the head of an entry is changed: what is before it comes into tables');
is(not_in_view(last_seq()), ($added - 1) . " $added", '... and all but what is in that file from there on is shown');
is(sql('SELECT max(loaded_seq) FROM casus.log_nodes() WHERE is_this', 'auditor'), $added - 2, '... so that nothing is left out');
sub doctor { my ($code) = @_; return sql("SELECT string_agg(severity || ': ' || finding, ' ' ORDER BY finding) FROM casus.doctor() WHERE code ~ '$code'", 'auditor') }
like(doctor('^log_load_late$'), qr/^critical: The loader of the access log of node \S+ is at entry ${\($added - 2)}; it stays before segment \d+, position $places[1]: what follows is no entry\.$/, '... as doctor says');
CasusTest::change_byte($segment, $places[1] + 5);
ok(came_to($added + 5), 'put back, it goes on');
is(doctor('^log_load|^log_unreadable'), '', '... and doctor is content');
is(scalar(() = substr(slurp_file($node->logfile), $said) =~ /$stays/g), 1, '... and the server log has said once where it stood');
is(sql("SELECT string_agg(application, ' | ' ORDER BY seq) FROM casus.access_log WHERE seq BETWEEN $added - 2 AND $added", 'auditor'), 'first | second | zero ?????? and \u0000', '... with all of it, a character that no text has as question marks');
is(sql('SELECT ok FROM casus.verify_log(' . ($added - 2) . ')', 'auditor'), 't', '... and that verifies');

# An entry that is whole and not as it was written, be it by a disk: so that the text holds no more, and so that it is another one.
for my $damage ([ 'the text is broken', 0 ], [ 'the text says something else', -3 ])
{
	my ($what, $at) = @$damage;
	ok(wait_loaded('postgres'), 'all is in tables');
	$node->stop;
	my @lines = map { qq{{"ts":"2026-11-22T10:00:00Z","kind":"read","database":"postgres","person":"Iemand","application":"$_"}} } 'first', 'second', 'third';
	($segment, $added, @places) = append_entries(@lines);
	my $byte = $places[1] + 24 + ($at < 0 ? length($lines[1]) + $at : $at);
	CasusTest::change_byte($segment, $byte);
	$said = -s $node->logfile;
	$node->start;
	refuse() for 1 .. 3;
	$stays = qr/position $places[1]: the entry is changed, or others were put in or removed before it/;
	$node->wait_for_log(qr/casus loads the access log only up to "[^"]*", $stays/, $said);
	ok(came_to($added - 2), "$what: what is before it comes into tables");
	like(doctor('^log_load_late$'), qr/^critical: .* is at entry ${\($added - 2)}; it stays before segment \d+, $stays\.$/, '... and it does not, as doctor says');
	like(sql(q{SELECT mend FROM casus.doctor() WHERE code = 'log_load_late'}, 'auditor'), qr/^A disk may have done it, or somebody /, '... who accuses nobody');
	is(doctor('^log_unreadable$'), '', '... of writing it either');
	is(sql("SELECT string_agg(coalesce(application, code), ' | ' ORDER BY seq) FROM casus.access_log WHERE seq BETWEEN $added - 2 AND $added", 'auditor'), 'first | log_unreadable | third', '... the view shows it as no fact');
	is(sql("SELECT text FROM casus.access_log WHERE seq = $added - 1", 'auditor'), "entry ${\($added - 1)} is not as it was written (see casus.verify_log); its time here is that of reading it", '... but what is the matter');
	is(sql("SELECT string_agg(application, ' | ' ORDER BY seq) FROM casus.access_log WHERE seq BETWEEN $added - 2 AND $added", 'iemand'), 'first | third', '... and nothing of it to whom it was about');
	is(sql('SELECT seq, finding FROM casus.verify_log()', 'auditor'), $added - 1 . '|the entry is changed', '... and verify_log names it');
	CasusTest::change_byte($segment, $byte);
	ok(came_to($added + 3), 'put back, it goes on by itself');
	is(doctor('^log_load|^log_unreadable'), '', '... and doctor is content');
	is(sql("SELECT string_agg(application, ' | ' ORDER BY seq) FROM casus.access_log WHERE seq BETWEEN $added - 2 AND $added", $_), 'first | second | third', "... with what it was, to $_") for 'auditor', 'iemand';
}

# Without the key nobody could tell: nothing comes into tables meanwhile.
{
	my $key = $node->data_dir . '.casus_log_key';
	ok(wait_loaded('postgres'), 'all is in tables');
	$said = -s $node->logfile;
	move($key, "$key.away") or die $!;
	refuse();
	$node->wait_for_log(qr/casus loads the access log only up to [^\n]*: its key file cannot be read/, $said);
	like(doctor('^log_load_late$'), qr/: its key file cannot be read, or is another's/, 'without its key file the loader stays, as doctor says');
	move("$key.away", $key) or die $!;
	ok(wait_loaded('postgres'), '... until it is there');
}

# ---- a part that is lost: somebody says so, and the loader goes on behind it ----


sub last_of { my ($database) = @_; return (grep { ($_->{database} // '') eq $database } reverse CasusTest::log_records($node))[0] }
sub number_of { return $_[0] =~ m{/0*(\d+)\.log$} ? $1 : '' }
sub skip { my ($reason) = @_; return (CasusTest::refusal($node, "SELECT casus.skip_log($reason)", user => 'auditor'))[1] }
sub shown { my ($from, $to) = @_; return sql("SELECT count(*) FROM casus.access_log WHERE seq BETWEEN $from AND $to", 'auditor') }

ok(wait_loaded('postgres'), 'all is in tables');
is((CasusTest::refusal($node, q{SELECT casus.skip_log('test')}, user => 'iemand'))[1], 'permission denied for function skip_log', 'skip_log is not for everybody');
sql(q{CREATE FUNCTION geleend() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$SELECT to_seq FROM casus.skip_log('test')$$});
is((CasusTest::refusal($node, 'SELECT geleend()', user => 'iemand'))[0], 'casus.wrong_office', '... nor by a function that a superuser lends');
is(skip('NULL'), '"reason" must be given', 'nothing is left out without a reason');
is(skip(q{' '}), 'what is left out of the tables is left out for a reason', '... be it an empty one');
is(skip(q{'test'}), 'there is nothing of that log before which the loader stays', '... or where it stays before nothing');

# Somebody writes to the segment in use, while no loader comes.
my $still = main_loader();
kill 'STOP', $still;
sql('SELECT casus.rotate_log_key()');
refuse();
my $lost = last_of('postgres');
CasusTest::change_byte($lost->{segment}, $lost->{offset} + 5);
is(skip(q{'test'}), 'the loader has not come to what it cannot read', 'nor before the loader has come there');
kill 'CONT', $still;
ok(wait_until(sub { doctor('^log_load_late$') =~ /^critical: .*; it stays before segment ${\ number_of($lost->{segment})}, position $lost->{offset}: what follows is no entry\.$/ }), 'the loader stays before it');
like(sql(q{SELECT mend FROM casus.doctor() WHERE code = 'log_load_late'}, 'auditor'), qr/SELECT \* FROM casus\.skip_log\('\.\.\.', '[0-9a-f-]{36}'\)/, '... as doctor says, and what can be done');
is(skip(q{'test'}), 'behind what cannot be read there is no later segment that can', '... which is nothing while there is no later segment');
sql('SELECT casus.rotate_log_key()');
refuse();
my ($behind) = grep { $_->{segment} gt $lost->{segment} } CasusTest::log_records($node);
my $skipped = join '|', number_of($lost->{segment}), $lost->{offset}, number_of($behind->{segment}), $lost->{seq}, $behind->{seq} - 1;
is(sql(q{BEGIN; SELECT next_segment FROM casus.skip_log('test'); ROLLBACK}), number_of($behind->{segment}), 'what is rolled back');
like(doctor('^log_load_late$'), qr/^critical: /, '... moves no loader');
is(sql(q{SELECT * FROM casus.skip_log('schijf stuk; zie melding 12')}, 'auditor'), $skipped, 'who says that it is lost is told what is left out');
ok(came_to($behind->{seq}), '... and the loader goes on behind it');
is(shown($lost->{seq}, $behind->{seq} - 1), '0', '... without what is left out');
is(not_in_view($behind->{seq}), join(' ', map { $_->{seq} } grep { $_->{seq} >= $lost->{seq} && $_->{seq} < $behind->{seq} && ($_->{database} // 'postgres') eq 'postgres' } CasusTest::log_records($node)), '... and without nothing else');
is(doctor('^log_load_late$'), '', '... as doctor says');
like(doctor('^log_load_skipped$'), qr/^warning: Entries $lost->{seq} to ${\ ($behind->{seq} - 1)} of the access log of node \S+ are in no table: they could not be read, from segment ${\ number_of($lost->{segment})}, position $lost->{offset} on, and role auditor left them out on \d{4}-\d\d-\d\d \(act \d+\)\.$/, '... which names the gap');
like(sql('SELECT finding FROM casus.verify_log()', 'auditor'), qr/^the entry is cut off, or its length is changed, or what is here is none$/, 'verify_log names the damage as before');
my $said_of_it = "segment ${\ number_of($lost->{segment})} from position $lost->{offset} up to segment ${\ number_of($behind->{segment})}; entries $lost->{seq} to ${\ ($behind->{seq} - 1)} come into no table of this database; before them: what follows is no entry";
is(sql(q{SELECT regexp_replace(text, 'node [0-9a-f-]{36}', 'node') FROM casus.access_log WHERE kind = 'setup' AND text LIKE 'skip_log:%'}, 'auditor'), "skip_log: node, $said_of_it; reason: schijf stuk; zie melding 12", 'it is on record, once, with its reason');
is(sql(q{SELECT regexp_replace(what, 'node [0-9a-f-]{36}', 'node'), role FROM casus.log_itself() WHERE code = 'skip_log'}, 'auditor'), "node, $said_of_it|auditor", '... and on the page of the log itself without it');
is(sql(q{SELECT count(*) FROM casus.act_log WHERE kind = 'skip_log'}, 'auditor'), '1', '... and an act');
is(sql(q{SELECT count(*) FROM casus.doctor() WHERE code = 'log_load_late' AND severity = 'critical'}, 'postgres', 'taal'), '1', 'in another database the loader stays');
CasusTest::change_byte($lost->{segment}, $lost->{offset} + 5);

# A segment that is not there.
ok(wait_loaded('postgres'), 'all is in tables');
$still = main_loader();
kill 'STOP', $still;
sql('SELECT casus.rotate_log_key()');
refuse();
$lost = last_of('postgres')->{segment};
sql('SELECT casus.rotate_log_key()');
refuse();
my @lost = map { $_->{seq} } grep { $_->{segment} eq $lost } CasusTest::log_records($node);
move($lost, "$lost.away") or die $!;
kill 'CONT', $still;
ok(wait_until(sub { doctor('^log_load_late$') =~ /it stays before segment ${\ (number_of($lost) + 1)}, position 0: entries before it are missing\.$/ }), 'the loader stays where a segment is missing');
wait_until(sub { skip(q{'kwijt'}) !~ /has not come/ });
is(doctor('^log_load_late$'), '', '... and goes on without its entries');
like(doctor('^log_load_skipped$'), qr/Entries $lost[0] to $lost[-1] of/, '... which doctor names');
ok(came_to($lost[-1] + 1), '... what follows comes into tables');
move("$lost.away", $lost) or die $!;

# An entry that is changed, of which no good one is left.
ok(wait_loaded('postgres'), 'all is in tables');
$still = main_loader();
kill 'STOP', $still;
sql('SELECT casus.rotate_log_key()');
refuse();
$lost = last_of('postgres');
CasusTest::change_byte($lost->{segment}, $lost->{offset} + $lost->{size} - 33);
sql('SELECT casus.rotate_log_key()');
refuse();
kill 'CONT', $still;
ok(wait_until(sub { doctor('^log_load_late$') =~ /it stays before segment ${\ number_of($lost->{segment})}, position $lost->{offset}: the entry is changed/ }), 'the loader stays before an entry that is changed');
wait_until(sub { skip(q{'kwijt'}) !~ /has not come/ });
is(doctor('^log_load_late$'), '', '... and goes past it');
like(doctor('^log_load_skipped$'), qr/Entries $lost->{seq} to \d+ of/, '... which doctor names');
ok(came_to($lost->{seq} + 2), '... what follows comes into tables');
CasusTest::change_byte($lost->{segment}, $lost->{offset} + $lost->{size} - 33);

# ---- what somebody has set for the database does not stop it, nor put its tables elsewhere ----

ok(wait_loaded('postgres'), 'all is in tables');
sql("SET allow_in_place_tablespaces = on;\nCREATE TABLESPACE elders LOCATION ''");
sql('CREATE ACCESS METHOD anders TYPE TABLE HANDLER heap_tableam_handler');
sql("ALTER DATABASE postgres SET $_") for q{default_tablespace = 'elders'}, q{default_table_access_method = 'anders'}, sql(q{SELECT name || ' = 1' FROM pg_settings WHERE name = 'transaction_timeout'}) || ();
$node->stop;
($segment, $added) = append_entries('{"ts":"2019-03-10T10:00:00Z","kind":"read","database":"postgres","application":"settings"}');
$node->start;
{
	local $ENV{PGOPTIONS} = $node->pg_version->major >= 17 ? '-c transaction_timeout=0' : '';
	ok(came_to($added), 'default_tablespace, default_table_access_method and transaction_timeout do not stop the loader');
	is(sql(q{SELECT reltablespace, amname FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE relname = 'access_record_2019_03'}), '0|heap', '... nor put a month elsewhere');
	sql("ALTER DATABASE postgres RESET $_") for 'default_tablespace', 'default_table_access_method', sql(q{SELECT name FROM pg_settings WHERE name = 'transaction_timeout'}) || ();
}

# ---- entries that fit into no table, by who has the key ----

ok(wait_loaded('postgres'), 'all is in tables');
$node->stop;
my @odd = CasusTest::odd_entries('postgres');
($segment, $added) = append_entries(CasusTest::entry_of('postgres', 'first'), (map { $_->[1] } @odd), CasusTest::entry_of('postgres', 'long', join '', map { md5_hex($_) } 1 .. 600), CasusTest::entry_of('postgres', 'last'));
my $before = $added - @odd - 3;
$node->start;
refuse();
ok(came_to($added), 'entries that fit into no table do not hold up those behind them, nor who reads meanwhile');
is(sql("SELECT count(*), count(DISTINCT seq), count(*) FILTER (WHERE code = 'log_unreadable') FROM casus.access_log WHERE seq > $before AND seq <= $added", 'auditor'),
	join('|', @odd + 3, @odd + 3, @odd + 1), '... and stand there as what could not be read');
is(sql("SELECT string_agg(application, ' | ' ORDER BY seq) FROM casus.access_log WHERE seq > $before AND seq <= $added", 'auditor'), 'first | last', '... beside the others');
is(sql('SELECT ' . join(' + ', map { "(SELECT count(*) FROM casus.$_)" } 'who_saw(0)', q{seen_by('Iemand')}, q{affected('Iemand')}, 'ldv', 'log_outliers()') . ' > 0', 'auditor'),
	't', '... whatever is asked of the log');
is(sql(q{SELECT sum(records) FROM casus.log_itself() WHERE code = 'log_unreadable'}, 'auditor'), @odd + 1, '... and on the page of the log itself');
like(doctor('^log_unreadable$'), qr/^warning: ${\(@odd + 1)} entries of the access log of node \S+ are of a form that cannot be shown, the first of them entry ${\($before + 2)}\.$/, '... and a finding of doctor');

# ---- who asks for a dossier or a person reads by the index of those, whatever the planner expects of times ----

my $its_oid = sql("SELECT '$partition'::regclass::oid");
for my $call ('who_saw(0)', q{seen_by('Iemand')})
{
	my @scans = split /\n/, sql(qq{BEGIN; SELECT FROM casus.$call \\g /dev/null
		SELECT a.amname || ' ' || (pg_stat_get_xact_numscans(i.indexrelid) > 0) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
		WHERE i.indrelid = $its_oid AND i.indpred IS NULL ORDER BY 1}, 'auditor');
	is(join(', ', @scans), 'btree false, btree false, gin true', "casus.$call");
}

done_testing();

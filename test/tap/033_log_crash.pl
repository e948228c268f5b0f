# The access log and processes that are killed at any moment: a row that has reached a client has its entry, the chain
# verifies, no number is given twice, and what the loader has put into tables is what the files hold; a writer that stands
# still, a ring that is full.  C007 C008 C009 C010 C011 C014
# Twenty kills, three hundred in a long run; the last three tenths of them with fsync.
use strict;
use warnings;

use IPC::Run;
use List::Util qw(max min sum);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use CasusTest;

my $cycles = $ENV{TEST_LONG} ? 300 : 20;
my $unsynced = int(0.7 * $cycles);
my $clients = 4;
my $statements = 800;
my $node = CasusTest::start('main', conf => "restart_after_crash = on\ncasus.log_timeout = 240\ncasus.log_segment_size = 1MB\ncasus.log_ring_size = 1MB\ncasus.log_load_interval = 1s\n");

$node->safe_psql('postgres', q{
	CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL);
	INSERT INTO zaak SELECT n, 8 FROM generate_series(1, 3200) n;
	-- The loader in this database, as soon as there is one: that begins, or that puts entries into tables.
	CREATE FUNCTION loader(in_tables boolean) RETURNS integer LANGUAGE plpgsql AS $$
	DECLARE
		found integer;
	BEGIN
		FOR i IN 1 .. 5000 LOOP
			PERFORM pg_stat_clear_snapshot();
			SELECT a.pid INTO found FROM pg_stat_activity a WHERE backend_type = 'casus log loader' AND datname = current_database()
				AND (NOT in_tables OR EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND relation = 'casus_cat.access_record'::regclass AND mode = 'RowExclusiveLock'));
			EXIT WHEN found IS NOT NULL;
			PERFORM pg_sleep(0.001);
		END LOOP;
		PERFORM pg_sleep(random() * 0.02);
		RETURN found;
	END $$;
});
CasusTest::fixture($node, $_) for 'coor', 'zaken';

# The reads of one client, each of another dossier.
sub script
{
	my ($client) = @_;
	my $file = $node->basedir . "/client$client.sql";
	my $from = $client * $statements;
	open my $out, '>', $file or die $!;
	print $out "BEGIN; SELECT FROM casus.enter('intake');\n";
	printf $out "SELECT 'got ' || casus.dossier_of(casus_label) FROM zaak WHERE id = %d;\n", $from + $_ for 1 .. $statements;
	print $out "COMMIT;\n";
	close $out or die $!;
	return $file;
}
my @scripts = map { script($_) } 0 .. $clients - 1;

sub wait_until { return CasusTest::wait_until(@_) || die 'what was waited for has not come' }
sub writer { return CasusTest::log_writer($node) }

# Each returns what is to be done when the clients have ended.
my $in_tables = 0;
my %kill = (
	# It lives for moments, so that it may have ended when it is to be killed.
	loader => sub {
		my ($again, $writes);
		wait_until(sub { $writes = rand() < 0.7; return $again = CasusTest::kill_process($node, $node->safe_psql('postgres', 'SELECT loader(' . ($writes ? 'true' : 'false') . ')')) });
		$in_tables += $writes;
		return $again;
	},
	backend => sub {
		return CasusTest::kill_process($node,
			$node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE usename = 'coordinator' ORDER BY random() LIMIT 1}));
	},
	writer => sub { return CasusTest::kill_process($node, writer()) },
	postmaster => sub { $node->kill9; return sub { CasusTest::start_again($node) } },
	immediate => sub { $node->stop('immediate'); return sub { $node->start } });

# ---- kills ----

my (%received, %killed);
my $rows = 0;
for my $cycle (1 .. $cycles)
{
	my $what = (qw(backend writer postmaster immediate loader))[ $cycle % 5 ];
	if ($cycle == $unsynced + 1)
	{
		$node->append_conf('postgresql.conf', "fsync = on\n");
		$node->restart;
	}
	my (@runs, @outs);
	for my $client (0 .. $clients - 1)
	{
		local $ENV{PGAPPNAME} = "c$cycle.$client";
		push @outs, '';
		push @runs, IPC::Run::start([ 'psql', '-XAtq', '-U', 'coordinator', '-d', $node->connstr('postgres'), '-f', $scripts[$client] ],
			'>', \$outs[$client], '2>', '/dev/null', CasusTest::patience());
	}
	# They have received some rows when it comes, and are in the middle of the rest.
	my $some = 1 + int rand($what eq 'loader' ? 200 : 2 * $statements);
	wait_until(sub {
		$_->pump_nb for grep { $_->pumpable } @runs;
		return (() = join('', @outs) =~ /^got/mg) >= $some || !grep { $_->pumpable } @runs;
	});
	my $again = $kill{$what}->();
	$killed{$what}++ if $again;
	for my $client (0 .. $clients - 1)
	{
		eval { $runs[$client]->finish };
		my @got = $outs[$client] =~ /^got (\d+)$/mg;
		$received{"c$cycle.$client"} = \@got;
		$rows += @got;
	}
	$again->() if $again;
}

my (%logged, $nrecords, %seq);
for my $record (CasusTest::log_records($node, raw => 1))
{
	$nrecords++;
	$seq{ $record->{seq} }++;
	next unless $record->{payload} =~ /"kind":"read".*"application":"(c[\d.]+)".*"dossiers":\[\[(\d+),1\]\]/;
	$logged{$1}{$2} = 1;
}
my @missing = map { my $c = $_; map { "$c: $_" } grep { !$logged{$c}{$_} } @{ $received{$c} } } keys %received;
diag(sprintf 'counted: %d cycles, %d of them with fsync, with %d kills (%s; of the loader %d while it wrote to tables): %d rows received, %d of them not on record, %d records in %d segments', $cycles, $cycles - $unsynced, sum(values %killed),
	join(', ', map { "$_ $killed{$_}" } sort keys %killed), $in_tables, $rows, scalar(@missing), $nrecords, scalar(my @segments = CasusTest::log_segments($node)));
cmp_ok($rows, '>', $cycles * $clients, 'rows were received before the kills');
# A client that was done before the kill is no kill.
cmp_ok(min(map { $killed{$_} // 0 } keys %kill), '>=', max(1, int $cycles / 20), 'C007, C008, C009: reader, writer, loader and postmaster were killed, and the server stopped at once');
cmp_ok($in_tables, '>', 0, '... a loader while it wrote to tables');
is_deeply(\@missing, [], '... every row that a client received is on record');
is((grep { $_ > 1 } values %seq), 0, '... no number is given twice');
is(CasusTest::log_damage($node, raw => 1), '', '... none is missing, and the chain holds');
is($node->safe_psql('postgres', 'SELECT ok, finding FROM casus.verify_log()'), 't|', '... as the server says too');

# ---- what the loader has put into tables, by the files ----

{
	my @records = CasusTest::log_records($node, raw => 1);
	my $last = $records[-1]{seq};
	my $auditor = 'SET ROLE casus_auditor; SELECT';
	my $loaded = 0;
	# It goes as far as there is something about this database, as that it was verified just now.
	wait_until(sub { return ($loaded = $node->safe_psql('postgres', "$auditor coalesce(max(loaded_seq), 0) FROM casus.log_nodes() WHERE is_this")) >= $last });
	my (%there, %differ);
	for my $record (@records)
	{
		my $payload = $record->{payload};
		next if $payload =~ /"database":"(?!postgres")/;
		my @fields = map { $payload =~ /"$_":"([^"]*)"/ ? $1 : '' } qw(ts kind code application);
		$there{ join ' ', $record->{seq}, @fields, $payload =~ /"dossiers":\[\[(\d+),(\d+)\]\]/ ? "$1:$2" : '' }++;
	}
	my $shown = $node->safe_psql('postgres', qq{$auditor concat_ws(' ', seq, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), kind, coalesce(code, ''), coalesce(application, ''),
		CASE WHEN cardinality(dossiers) = 1 THEN dossiers[1] || ':' || row_counts[1] ELSE '' END) FROM casus.access_log WHERE seq <= $last AND seq <= $loaded});
	$differ{$_}++ for split /\n/, $shown;
	my $count = keys %differ;
	$differ{$_} -= $there{$_} for keys %there;
	my @wrong = grep { $differ{$_} != 0 } sort keys %differ;
	is(join("\n", @wrong[ 0 .. ($#wrong > 4 ? 4 : $#wrong) ]), '', "every entry of the files is in tables, as it was written, and once: $count");
	cmp_ok($count, '>', $rows, '... all that was received among them');
}

# What comes from here on is looked for in the last of these files and those behind it.
my $done_with = $segments[-2];
sub records { return CasusTest::log_records($node, after => $done_with, @_) }

# ---- the writer ends in order, while the server runs ----

# While clients read: they wait for the next one.
my $writer = writer();
my $reading = '';
{
	local $ENV{PGAPPNAME} = 'ended';
	my $run = IPC::Run::start([ 'psql', '-XAtq', '-U', 'coordinator', '-d', $node->connstr('postgres'), '-f', $scripts[0] ], '>', \$reading, '2>', '/dev/null', CasusTest::patience());
	$run->pump until $reading =~ /got/;
	kill 'TERM', $writer;
	eval { $run->finish };
}
wait_until(sub { writer() != $writer });
is($node->safe_psql('postgres', 'SELECT ok, finding FROM casus.verify_log()'), 't|', 'a writer that is ended is started again, and goes on');
is(not_on_record('ended', [ $reading =~ /^got (\d+)$/mg ]), 0, '... and what left meanwhile is on record');

# ---- a writer that stands still (C011), with the ring full ----

sub read_all
{
	my ($client, %opt) = @_;
	local $ENV{PGAPPNAME} = $opt{name};
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-U', 'coordinator', '-d', $node->connstr('postgres'), map { ('-f', $scripts[$_]) } @$client ], '>', \$out, '2>', \$err);
	my @got = $out =~ /^got (\d+)$/mg;
	return (\@got, $err);
}

sub not_on_record
{
	my ($name, $got) = @_;
	my %on;
	for my $record (records(raw => 1))
	{
		$on{$1} = 1 if $record->{payload} =~ /"application":"$name".*"dossiers":\[\[(\d+),1\]\]/;
	}
	return scalar grep { !$on{$_} } @$got;
}

kill 'STOP', writer();
my ($got, $err, $out);
{
	local $ENV{PGAPPNAME} = 'cancelled';
	my $since = time;
	my $run = IPC::Run::start([ 'psql', '-XAtq', '-U', 'coordinator', '-d', $node->connstr('postgres'), '-f', $scripts[0] ], '>', \$out, '2>', \$err, CasusTest::patience());
	wait_until(sub { $node->safe_psql('postgres', q{SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE application_name = 'cancelled' AND wait_event = 'Extension'}) });
	eval { $run->finish };
	unlike($out, qr/got/, 'C011: a writer that stands still, strict: no row leaves');
	cmp_ok(time - $since, '<', 120, '... and who waits can be cancelled');
}
kill 'CONT', writer();
($got) = read_all([0], name => 'again');
is(scalar(@$got), $statements, '... it goes on when the writer does');
is(not_on_record('again', $got), 0, '... and all is on record');

# ---- an act whose COMMIT fails when its entry stands in the log ----

# One of them is about a dossier.
my $opened = $node->safe_psql('postgres', "SELECT casus.break_glass('a test', " . (map { @$_ } values %received)[0] . ')');
kill 'STOP', writer();
{
	local $ENV{PGAPPNAME} = 'undone';
	my $offset = -s $node->logfile;
	my $run = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', qq{SELECT casus.add_person('Nooit'); SELECT casus.end_opening($opened)} ], '>', \$out, '2>', \$err, CasusTest::patience());
	wait_until(sub { $node->safe_psql('postgres', q{SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE application_name = 'undone' AND wait_event = 'Extension'}) });
	$node->wait_for_log(qr/canceling statement due to user request/, $offset);
	kill 'CONT', writer();
	eval { $run->finish };
	like($err, qr/ERROR/, 'an act is cancelled while its COMMIT waits for its entry');
}
my @told;
wait_until(sub { return @told = grep { ($_->{application} // '') eq 'undone' } records() });
is(join(', ', map { join ' ', $_->{kind}, $_->{code} // (), $_->{text} =~ /^(\w+)/ } @told), 'attempt add_person, attempt end_opening, setup add_person, setup end_opening, attempt undone add_person, attempt undone end_opening', '... and the log says so behind the entry of it');
is($node->safe_psql('postgres', q{SET ROLE casus_auditor; SELECT string_agg(l.name || ' ' || l.status || ' ' || (attributes ? 'dpl.core.data_subject_id'), ', ' ORDER BY seq) FROM casus.ldv l JOIN casus.ldv_actor USING (span_id) WHERE application = 'undone'}),
	'setup Ok true, attempt undone Error true', '... casus.ldv of the one that is about a dossier');
is($node->psql('postgres', q{SELECT casus.add_person('Nooit')}), 0, '... which is true: it can be done');
isnt($node->psql('postgres', q{SELECT casus.add_person('Nooit')}), 0, '... once');

$node->append_conf('postgresql.conf', "casus.log_durability = relaxed\ncasus.log_timeout = 5\n");
$node->restart;
kill 'STOP', writer();
($got, $err) = read_all([ 0 .. 3 ], name => 'relaxed');
cmp_ok(scalar(@$got), '>', 500, 'relaxed: rows leave as long as the ring takes their records');
cmp_ok(scalar(@$got), '<', $clients * $statements, '... and no longer');
like($err, qr/the access log cannot be written/, '... then reading is refused');
kill 'CONT', writer();
my $after = [];
wait_until(sub { ($after) = read_all([0], name => 'resumed'); return @$after == $statements });
pass('... and resumes by itself');
$node->restart;
is(not_on_record('relaxed', $got), 0, '... nothing that was in the ring is dropped');
is(CasusTest::log_damage($node, raw => 1), '', '... and the chain holds');

# ---- a full disk in the middle of the work (C010) ----

$node->append_conf('postgresql.conf', "casus.log_durability = strict\n");
$node->restart;
$out = '';
{
	local $ENV{PGAPPNAME} = 'full';
	my $run = IPC::Run::start([ 'psql', '-XAtq', '-U', 'coordinator', '-d', $node->connstr('postgres'), '-f', $scripts[0] ], '>', \$out, '2>', \$err, CasusTest::patience());
	$run->pump until $out =~ /got/;
	CasusTest::fill_disk($node);
	eval { $run->finish };
}
CasusTest::free_disk($node);
wait_until(sub { ($after) = read_all([0], name => 'room'); return @$after == $statements });
pass('C010: after a full disk reading resumes by itself');
is(not_on_record('full', [ $out =~ /^got (\d+)$/mg ]), 0, '... what left before is on record');
is(CasusTest::log_damage($node, raw => 1), '', '... and the chain holds');

# ---- a client that goes away in mid-stream (C014) ----

{
	local $ENV{PGAPPNAME} = 'gone';
	my ($pid, $line) = (open my $pipe, '-|', 'psql', '-XAtq', '-U', 'coordinator', '-d', $node->connstr('postgres'), '-c', 'BEGIN', '-c', q{SELECT FROM casus.enter('intake')},
		'-c', q{COPY (SELECT 'got ' || casus.dossier_of(casus_label) || repeat('x', 500) FROM zaak) TO STDOUT});
	# Far more than pipe and socket hold are still to come when it goes.
	$out = '';
	my $lines = 0;
	while ($lines < 2000 && defined($line = <$pipe>)) { $out .= $line; $lines++ if $line =~ /^got/ }
	is($lines, 2000, 'C014: a client that goes away in mid-stream has read 2000 of 3200 rows');
	kill 'KILL', $pid;
	close $pipe;
}
my %on = map { $_ => 1 } map { $_->{payload} =~ /"application":"gone"/ ? $_->{payload} =~ /\[(\d+),\d+\]/g : () } records(raw => 1);
my %read = map { $_ => 1 } $out =~ /^got (\d+)x/mg;
is(scalar(keys %read), 2000, '... each of another dossier');
is((grep { !$on{$_} } keys %read), 0, '... every one of which is on record');

$node->stop;
done_testing();

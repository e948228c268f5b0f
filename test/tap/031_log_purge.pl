# The access log's own retention (requirements A41, D 20): whole segments go when their term is over by the setting, by the
# protocol of every file and by nobody's wish alone; a checkpoint stands for them, and what is left verifies.  D042
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256);
use File::Copy qw(copy);
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use CasusTest;

my ($library) = glob('/usr/lib/*/faketime/libfaketime.so.1');
plan skip_all => 'libfaketime is not installed' unless $library;

my $clock = PostgreSQL::Test::Utils::tempdir() . '/clock';
my $hold = PostgreSQL::Test::Utils::tempdir() . '/hold.so';
my $node;

sub set_clock
{
	open my $file, '>', "$clock.new" or die $!;
	print $file "\@$_[0]\n";
	close $file;
	rename "$clock.new", $clock or die $!;
	return;
}

sub with_clock
{
	my ($act) = @_;
	local $ENV{LD_PRELOAD} = join ':', $library, -e $hold ? $hold : ();
	local $ENV{HOLD} = "$clock.hold";
	local $ENV{FAKETIME_TIMESTAMP_FILE} = $clock;
	local $ENV{FAKETIME_NO_CACHE} = 1;
	local $ENV{FAKETIME_DONT_FAKE_MONOTONIC} = 1;
	local $ENV{TZ} = 'UTC';
	return $act->();
}

sub sql { my ($sql, %opt) = @_; return $node->safe_psql($opt{db} // 'postgres', $sql, $opt{as} ? (extra_params => [ '-U', $opt{as} ]) : ()) }
sub refused { my ($sql, %opt) = @_; return (CasusTest::refusal($node, $sql, %opt))[1] }
sub verify { return sql('SELECT ok, file, seq, finding FROM casus.verify_log(' . join(', ', @_) . ')') }
sub segments { return map { /(\d+)\.log$/ ? $1 + 0 : () } CasusTest::log_segments($node) }
sub file_of { return sprintf '%s/%012d.log', CasusTest::log_directory($node), $_[0] }
sub checkpoint { return CasusTest::log_directory($node) . '/checkpoint' }
sub records { return CasusTest::log_records($node) }

sub put
{
	my ($name, $data) = @_;
	open my $file, '>:raw', $name or die "$name: $!";
	print $file $data;
	return close $file;
}

# A year's worth: more than two segments of refusals, and a read.
my $dossier;

sub live
{
	my ($when) = @_;
	set_clock($when);
	sql("BEGIN; SELECT FROM casus.enter('overleg', $dossier); SELECT count(*) FROM beesel.notitie; COMMIT", as => 'bs_coordinator');
	for (1 .. 3)
	{
		sql(q{DO $$BEGIN FOR i IN 1 .. 170 LOOP BEGIN PERFORM casus.open_file('geen', 'geen'); EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END$$});
	}
	return;
}

set_clock('2021-03-02 09:00:00');
with_clock(sub { $node = CasusTest::start('main', conf => "casus.log_segment_size = 64kB\ncasus.log_load_interval = 1s\nrestart_after_crash = on\n") });
# In this year the protocol is in force already.
sql(slurp_file("$ENV{CASUS_SRC}/test/fixtures/beesel.sql") =~ s/"startdatum": "2021-12-01"/"startdatum": "2021-03-01"/r);
$dossier = sql(q{SELECT dossier FROM beesel.fixture WHERE name = 'overleg'});
my $file = sql(q{SELECT min(name) FROM casus.file});
sql('CREATE ROLE auditor LOGIN IN ROLE casus_auditor; CREATE ROLE iemand LOGIN');
my $anchor_2021 = sql('SELECT anchor FROM casus.log_anchor()');
live('2021-03-03 09:00:00');
live('2023-03-03 09:00:00');
my $anchor_2023 = sql('SELECT anchor FROM casus.log_anchor()');
live('2024-06-03 09:00:00');
# The day after she sees more dossiers than on her other days.
set_clock('2024-06-04 09:00:00');
sql(join('', map { qq{SELECT casus.open_dossier('ondermijning', '{"aandrager": "anoniem", "melddatum": "2024-06-0$_", "aanleiding": "melding", "beschrijving": "x", "personalia": "onbekend"}') AS d \\gset
	BEGIN; SELECT FROM casus.enter('intake', :d); INSERT INTO beesel.notitie (dossier, categorie, inhoud) VALUES (:d, 'signaalomschrijving', 'x'); COMMIT;
} } 1 .. 4) . q{BEGIN; SELECT FROM casus.enter('intake'); SELECT count(*) FROM beesel.notitie; COMMIT}, as => 'bs_coordinator');

# ---- who may, and what has to be over ----

like(refused('SELECT casus.purge_log()', user => 'iemand'), qr/permission denied/, 'purge_log is not for everybody');
like(refused('SELECT casus.purge_log()'), qr/is kept for ever/, 'without casus.log_retention nothing goes');
like(refused(q{SELECT set_config('casus.log_retention', '1d', false)}), qr/cannot be changed/, '... which no session changes');
$node->append_conf('postgresql.conf', "casus.log_retention = '730d'\n");
with_clock(sub { $node->restart });
is(sql('SHOW casus.log_retention'), '730d', 'a setting in days');
like(refused('SELECT casus.purge_log()'), qr/is kept for ever/, 'a file that has no term keeps the log for ever');
is(sql(q{SELECT severity, finding FROM casus.doctor() WHERE code = 'log_no_term'}), "warning|File $file has not set how long the access log is kept, so nothing of it ever goes.", '... doctor says so');
like(refused("SELECT casus.set_parameter('$file', 'bewaartermijn_logboek', '\"lang\"')"), qr/this is no term for the access log/, 'a term is a number');
sql("SELECT casus.set_parameter('$file', 'bewaartermijn_logboek', '60')");
is(sql(q{SELECT finding FROM casus.doctor() WHERE code = 'log_term'}), "File $file binds: by beesel-2021 art. 11.1; Bijlage 4 the access log is kept for 60 months, longer than casus.log_retention (730 days).", 'doctor says which term binds');

# Another database of the node, which shares the log.
sql('CREATE DATABASE dicht ALLOW_CONNECTIONS false');
like(refused('SELECT casus.purge_log()'), qr/not known how long database "dicht" keeps/, 'nothing goes while a database is not known');
like(sql(q{SELECT severity || ' ' || finding FROM casus.doctor() WHERE code = 'log_term_unknown'}), qr/^warning Database dicht allows no connections/, '... doctor says so');
sql('DROP DATABASE dicht');
sql('CREATE DATABASE ander');
sql(q{CREATE EXTENSION casus; SELECT casus.install_protocol('beesel-2021'); SELECT casus.open_file('beesel-2021', 'ander');
	SELECT casus.activate_protocol('ander', dpia => 'x', parameters => '{"startdatum": "2021-12-01", "standaarden": [], "bewaartermijn_logboek": 84}')}, db => 'ander');
# What was known before the start is not believed; what the loader finds then is what there is now.
with_clock(sub { $node->restart });
my $known = sub { return $node->poll_query_until('postgres', q{SELECT (casus.purge_log()).segments IS NOT NULL}) };
ok($known->(), 'once the loader has been there it is known');
is(sql('SELECT segments FROM casus.purge_log()'), '0', 'nothing is old enough');
set_clock('2026-04-03 09:00:00');
is(sql('SELECT segments FROM casus.purge_log()'), '0', 'after five years the other database still wants seven');
sql('ALTER DATABASE ander ALLOW_CONNECTIONS false');
is(sql('SELECT segments FROM casus.purge_log()'), '0', '... also when nobody can look into it any more');
is(sql(q{SELECT count(*) FROM casus.doctor() WHERE code = 'log_term_unknown'}), '0', '... its term is the one that was found last');
sql('ALTER DATABASE ander ALLOW_CONNECTIONS true');
# A template, after a restart: the loader looks into it, too, and loads nothing.
sql('ALTER DATABASE ander IS_TEMPLATE true');
with_clock(sub { $node->restart });
ok($known->(), 'a database that has become a template is known after a restart');
is(sql('SELECT segments FROM casus.purge_log()'), '0', '... and wants seven years still');
my $loaded = q{SELECT max(loaded_seq) FROM casus.log_nodes()};
my $last_there = sql($loaded, db => 'ander', as => 'auditor');
refused(q{SELECT casus.open_file('geen', 'geen')}, dbname => $_) for 'ander', 'postgres';
ok(CasusTest::wait_until(sub { sql($loaded, as => 'auditor') > $last_there }), '... while others get new entries');
is(sql($loaded, db => 'ander', as => 'auditor'), $last_there, '... nothing is put into its tables');
sql('ALTER DATABASE ander IS_TEMPLATE false');
sql(q{SELECT casus.set_parameter('ander', 'bewaartermijn_logboek', '12')}, db => 'ander');
is(sql(q{SELECT segments FROM casus.purge_log(before => '2021-03-03')}), '0', 'and no earlier than the caller asks for');

my $overdue = q{SELECT finding FROM casus.doctor() WHERE code = 'log_overdue'};
CasusTest::wait_until(sub { sql($overdue) ne '' });
is(sql($overdue), 'The access log has records of before 2021-03-03, which are beyond every term for which it is kept.', 'doctor says that something is beyond its term');

# ---- the first purge ----

my @before = records();
my %kept = map { $_ => slurp_file(file_of($_)) } segments();
my $ready = sub { return $node->poll_query_until('postgres', q{SELECT segments > 0 FROM casus.purge_log()}) };
ok($ready->(), 'after its term a part of the log goes');
my $cut = slurp_file(checkpoint());
my ($purged, $last) = (unpack('Q<', substr $cut, 32, 8), unpack('Q<', substr $cut, 48, 8));
my ($name, $secret) = CasusTest::log_keys($node);
is(hmac_sha256(substr($cut, 0, 128), $secret->{1}), substr($cut, 128, 32), 'the checkpoint is made with the key');
my ($at) = grep { $before[$_]{seq} == $last } 0 .. $#before;
like($before[$at]{ts}, qr/^2021-/, '... speaks for records of 2021');
like($before[ $at + 1 ]{segment}, qr/@{[ $purged + 1 ]}\.log$/, '... and for whole segments');
is((segments())[0], $purged + 1, '... which are not there any more');
is_deeply([ map { $_->{ts} =~ /^2021/ ? () : $_->{seq} } @before[ 0 .. $at ] ], [], 'nothing younger is gone');
my ($entry) = grep { ($_->{code} // '') eq 'purge_log' } records();
like($entry->{text}, qr/^checkpoint $purged:$last:[0-9a-f]{64}; entries 1 to $last go, of $purged segments$/, 'it is on record');
is($entry->{role}, $node->{_user} // sql('SELECT current_user'), '... with who did it');

is(sql('SELECT ok, first_seq FROM casus.verify_log()'), 't|' . ($last + 1), 'what is left verifies, from the checkpoint on');
is(verify("anchor => '$anchor_2023'"), 't|||', 'an anchor of before the purge of what is left holds');
like(refused("SELECT casus.verify_log(anchor => '$anchor_2021')"), qr/the entries up to number $last have gone/, 'of an anchor of what is gone nothing is said');
like(refused('SELECT casus.verify_log(1, 20)'), qr/have gone after their term/, '... or of its entries');
my $mac = unpack 'H*', substr($cut, 96, 32);
is(verify("anchor => '$name:$last:$mac'"), 't|||', 'an anchor of the last entry that is gone holds');
like(verify("anchor => '$name:$last:" . ('0' x 64) . q{'}), qr/^f\|.*the entry is not the one of the anchor/, '... and another one does not');
my $anchor = sql('SELECT anchor FROM casus.log_anchor()');
is(verify("anchor => '$anchor'"), 't|||', 'an anchor of after the purge holds');

my @ctl = (CasusTest::casusctl(), 'verify', '-l', CasusTest::log_directory($node), '-k', $node->data_dir . '.casus_log_key');
sub ctl { my ($out, $err); IPC::Run::run([ @ctl, @_ ], '>', \$out, '2>', \$err); return ($? >> 8) . ": $out$err" }
like(ctl(), qr/^0: entries 1 to $last have gone after their term\nwhole: entries @{[ $last + 1 ]} to /, 'casusctl verifies it too');
like(ctl('-a', $anchor_2023), qr/^0: .*with the anchor/s, '... with an anchor');
like(ctl('-a', $anchor_2021), qr/^2: .*have gone after their term/, '... and says of an old one that it cannot');

# Tables, views and the follower.
sub first_shown
{
	my ($database) = @_;
	return CasusTest::wait_until(sub { sql("SELECT min(seq) > $last FROM casus.access_log", db => $database, as => 'auditor') eq 't' });
}
ok(first_shown('postgres'), 'the records are gone from the tables');
ok(first_shown('ander'), '... in the other database as well');
is(sql("SELECT array_agg(DISTINCT extract(year FROM at)) FROM casus.who_saw($dossier)", as => 'auditor'), '{2023,2024}', 'who_saw has the rest');
is(sql(q{SELECT count(*) > 0 FROM casus.seen_by('bs_coordinator')}, as => 'auditor'), 't', '... seen_by');
is(sql(q{SELECT min(first_at)::date FROM casus.affected('bs_coordinator')}, as => 'auditor'), '2023-03-03', '... affected');
is(sql(q{SELECT person, office, day, dossiers, own_median, colleagues_median FROM casus.log_outliers()}, as => 'auditor'), 'C. Coordinator|coordinator|2024-06-04|5|1|',
	'... log_outliers, by the median of her other days [B-50]');
is(sql(q{SELECT count(*) FROM casus.log_outliers(factor => 5)}, as => 'auditor'), '0', '... which counts');
is(sql(q{SELECT count(*) FROM casus.doctor() WHERE code = 'log_overdue'}), '0', '... and doctor says no more that anything is beyond its term');
refused(q{SELECT casus.open_file('geen', 'geen')}, dbname => 'ander');
is($node->safe_psql('ander', q{SET ROLE casus_auditor; SELECT count(*) > 0 FROM casus.access_log WHERE kind = 'attempt' AND seq > } . $before[-1]{seq}), 't', '... also in a database that the loader had not been in for long');

# ---- a crash at each step ----

# Puts the files as they are between two steps, with the server down; then what the server makes of it.
sub crash
{
	my ($what, %opt) = @_;
	$node->stop('immediate');
	put(file_of($_), $kept{$_}) for @{ $opt{segments} };
	$opt{checkpoint} ? put(checkpoint(), $opt{checkpoint}) : unlink checkpoint();
	put(checkpoint() . '.new', 'torn') if $opt{torn};
	my $offline = ctl();
	with_clock(sub { $node->start });
	is(verify(), 't|||', "$what: the log verifies");
	like($offline, qr/^0:/, '... also before the server starts');
	is((segments())[0], $opt{first}, "... and begins with segment $opt{first}");
	return;
}

crash('killed when all but the last file was gone', checkpoint => $cut, segments => [$purged], first => $purged + 1);
crash('killed with the first files gone', checkpoint => $cut, segments => [ 2 .. $purged ], first => $purged + 1);
crash('killed with others gone', checkpoint => $cut, segments => [ grep { $_ % 2 } 1 .. $purged ], first => $purged + 1);
crash('killed before the checkpoint was there', checkpoint => undef, torn => 1, segments => [ 1 .. $purged ], first => 1);
ok($ready->(), '... the next call does it again');
is((segments())[0], $purged + 1, '... as before');
is(verify(), 't|||', '... and it verifies');
is((records())[-1]{holds}, 1, 'the log goes on');

# ---- a second one, and what somebody does to the files ----

my $first_cut = slurp_file(checkpoint());
set_clock('2028-04-03 09:00:00');
live('2028-04-03 09:01:00');
%kept = (%kept, map { $_ => slurp_file(file_of($_)) } segments());
sql('SELECT casus.rotate_log_key()');
ok($ready->(), 'a later purge goes on from there');
ok($node->poll_query_until('postgres', q{SELECT to_regclass('casus_cat.access_record_2021_03') IS NULL}), 'a month of which nothing is left has no table any more');
ok($node->poll_query_until('postgres', q{SELECT to_regclass('casus_cat.access_record_2028_04') IS NOT NULL}), '... others have');
my $second_cut = slurp_file(checkpoint());
my ($purged2, $last2) = (unpack('Q<', substr $second_cut, 32, 8), unpack('Q<', substr $second_cut, 48, 8));
cmp_ok($purged2, '>', $purged, '... with more segments');
is(verify(), 't|||', '... the rest verifies');
is(unpack('V', substr $second_cut, 40, 4), 2, '... its checkpoint has the newest key');
cmp_ok(scalar(segments()), '>', 3, 'there are some segments left');

sub tampered
{
	my ($what, $act, $undo, $expected) = @_;
	$act->();
	like(verify(), $expected, $what);
	my $offline = ctl();
	my ($finding) = $expected =~ /([a-z ,]{20,})/;
	like($offline, qr/^1: .*\Q$finding\E/s, '... by casusctl too');
	$undo->();
	return;
}

my $restore = sub { put(checkpoint(), $second_cut) };
tampered('first segments removed by hand, without a checkpoint', sub { unlink checkpoint() }, $restore, qr/^f\|000000000001\.log\|\|the segment is missing$/);
tampered('an old checkpoint', sub { put(checkpoint(), $first_cut) }, $restore,
	qr/^f\|0+@{[ $purged + 1 ]}\.log\|@{[ $last + 1 ]}\|the segment is missing, and the checkpoint does not say that it has gone$/);
my $forged = 0;
for my $byte (0, 8, 12, 16, 32, 40, 44, 48, 56, 64, 72, 96, 127, 128, 159)
{
	my $changed = $second_cut;
	substr($changed, $byte, 1) ^= "\x01";
	put(checkpoint(), $changed);
	$forged++ if verify() ne 'f|checkpoint||the checkpoint of the segments that are gone is changed, or made with another key';
}
is($forged, 0, 'a checkpoint that was changed in any field');
$restore->();
for my $data ('', substr($second_cut, 0, 159), $second_cut . 'x')
{
	tampered('... or of another length: ' . length $data, sub { put(checkpoint(), $data) }, $restore, qr/^f\|checkpoint\|\|the checkpoint of the segments that are gone is changed, or made/);
}
my $gone = $purged2 + 1;
my $more = substr($second_cut, 0, 128);
my $next = slurp_file(file_of($gone + 1));
substr($more, 32, 8) = pack 'Q<', $gone;
substr($more, 48, 8) = pack 'Q<', unpack('Q<', substr $next, 48, 8) - 1;
substr($more, 44, 4) = substr slurp_file(file_of($gone)), 40, 4;
substr($more, 96, 32) = substr $next, 64, 32;
my $without = sub { rename file_of($gone), file_of($gone) . '.away' or die };
my $with = sub { rename file_of($gone) . '.away', file_of($gone) or die; $restore->() };
tampered('a segment more removed by hand', $without, $with, qr/^f\|0+$gone\.log\|@{[ $last2 + 1 ]}\|the segment is missing, and the checkpoint does not/);
tampered('... with a checkpoint made without the key', sub { $without->(); put(checkpoint(), $more . hmac_sha256($more, 'x' x 32)) }, $with, qr/^f\|checkpoint\|\|the checkpoint of the segments that are gone is changed, or made/);
(undef, $secret) = CasusTest::log_keys($node);
tampered('... with the key, but not on record', sub { $without->(); put(checkpoint(), $more . hmac_sha256($more, $secret->{2})) }, $with, qr/^f\|checkpoint\|\|the checkpoint of the segments that are gone is not on record in the log$/);
is(verify(), 't|||', 'put back as it was, the log verifies');

# All that is left is taken away while the server is down: numbers go on behind the checkpoint, and it is told.
my $highest = (records())[-1]{seq};
$node->stop;
my @away = CasusTest::log_segments($node);
rename $_, "$_.away" for @away;
with_clock(sub { $node->start });
cmp_ok((records())[0]{seq}, '>', $last2, 'no number that has gone is given again');
is((records())[0]{code}, 'log_changed', '... and the log says that it is not as it was left');
like(verify(), qr/^f\|checkpoint\|\|the checkpoint of the segments that are gone is not on record/, '... and so does verify_log');
$node->stop;
unlink CasusTest::log_segments($node);
rename "$_.away", $_ for @away;
with_clock(sub { $node->start });
is(verify(), 't|||', 'put back, it verifies');

# ---- a part is tied to the segment before it ----

my ($tied) = grep { $_ > $gone && -e file_of($_ + 1) } segments();
my %of = map { $_->{seq} => $_ } records();
my ($from) = sort { $a <=> $b } map { $_->{segment} eq file_of($tied + 1) ? $_->{seq} : () } values %of;
my $whole = slurp_file(file_of($tied));
is(sql("SELECT ok, first_seq FROM casus.verify_log($from, @{[ $from + 5 ]})"), "t|$from", 'a part verifies');
put(file_of($tied), substr $whole, 0, $of{ $from - 1 }{offset});
like(verify($from, $from + 5), qr/^f\|0+@{[ $tied + 1 ]}\.log\|@{[ $from - 1 ]}\|entries at the end of the previous segment are changed, removed or inserted$/, '... and not when the entry before it is cut off');
unlink file_of($tied);
like(verify($from, $from + 5), qr/^f\|0+$tied\.log\|\|the segment is missing$/, '... or the segment before it is gone');
put(file_of($tied), $whole);
is(verify($from), 't|||', '... and put back');

# ---- what would go does not verify ----

set_clock('2032-04-03 09:00:00');
live('2032-04-03 09:01:00');
my $victim = slurp_file(file_of($gone));
my $hurt = $victim;
substr($hurt, 200, 1) ^= "\x01";
put(file_of($gone), $hurt);
# After the start above the other database may not have said yet how long it keeps the log.
my $told;
CasusTest::wait_until(sub { return ($told = refused('SELECT casus.purge_log()')) !~ /is not known how long/ });
like($told, qr/not what its writer wrote/, 'evidence does not go without a word');
like(sql(q{SELECT segments > 1 FROM casus.purge_log(reason => 'onderzocht, zie dossier')}), qr/^t$/, '... with a reason it does');
($entry) = grep { ($_->{code} // '') eq 'purge_log' && $_->{text} =~ /onderzocht/ } records();
like($entry->{text}, qr/; they do not verify: 0+$gone\.log, position 128: the entry is changed; reason: onderzocht, zie dossier$/, '... which stands in the log with the place');
is(verify(), 't|||', '... and what is left verifies');

# ---- the setting keeps longer than every protocol ----

sql("SELECT casus.set_parameter('$file', 'bewaartermijn_logboek', '1')");
sql(q{SELECT casus.set_parameter('ander', 'bewaartermijn_logboek', '1')}, db => 'ander');
live('2033-05-01 09:00:00');
my @of_may = grep { $_->{ts} =~ /^2033-05/ } records();
set_clock('2034-12-01 09:00:00');
sql('SELECT segments FROM casus.purge_log()') for 1 .. 2;
is((grep { -e $_->{segment} } @of_may), scalar(@of_may), 'what every protocol would let go is kept for the two years of casus.log_retention');
$node->append_conf('postgresql.conf', "casus.log_retention = '30d'\n");
with_clock(sub { $node->restart });
ok($ready->(), '... and goes when that is a month');
cmp_ok((grep { -e $_->{segment} } @of_may), '<', scalar(@of_may), '... of it, too');

# ---- ended at random moments ----

# kill -9 comes in the long form only: a process that has it while it holds the semaphore of libfaketime, which fstat() takes,
# leaves that to nobody, and the server stands still.
my $cycles = $ENV{TEST_LONG} ? 40 : 5;
my ($cycle, $session, $in, $out, $err, $pid) = (0);

sub begin_session
{
	live(2032 + 3 * ++$cycle . '-05-01 09:00:00');
	($in, $out, $err) = ("SELECT pg_backend_pid();\n", '', '');
	$session = IPC::Run::start([ 'psql', '-XAtq', '-h', $node->host, '-p', $node->port, 'postgres' ], '<', \$in, '>', \$out, '2>', \$err, CasusTest::patience());
	$session->pump until $out =~ /^(\d+)\n/;
	$pid = $1;
	return;
}

sub begin_purge
{
	$in .= "SELECT segments FROM casus.purge_log();\n";
	$session->pump_nb;
	return;
}

while ($cycle < $cycles)
{
	begin_session();
	begin_purge();
	select undef, undef, undef, rand 0.02;
	my $restarted = sub { };
	if ($ENV{TEST_LONG}) { $restarted = CasusTest::kill_process($node, $pid) }
	else { kill 'TERM', $pid }
	eval { $session->finish };
	$restarted->() if $restarted;
	my $state = verify();
	is($state, 't|||', "ended, cycle $cycle: the log verifies") or last;
}

# At one moment that is known: the purge waits for the writer, which stands still.  The title of its process tells that it
# is at it; a session would not, if the writer held that semaphore.
my ($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
SKIP:
{
	skip 'a root without /proc tells of no processes', 2 if !-e "/proc/$postmaster";
	begin_session();
	my $since = -s $node->logfile;
	my ($writer) = `ps -o pid=,args= --ppid $postmaster` =~ /^ *(\d+) .*casus log writer/m or die 'the log has no writer';
	kill 'STOP', $writer;
	begin_purge();
	my $is_at_it = CasusTest::wait_until(sub { return `ps -o args= -p $pid` =~ / SELECT$/ });
	kill 'TERM', $pid;
	kill 'CONT', $writer;
	eval { $session->finish };
	ok($is_at_it, 'a purge waits for the writer');
	like(substr(slurp_file($node->logfile), $since), qr/terminating connection due to administrator command\n.*STATEMENT: +SELECT segments FROM casus\.purge_log/, '... and is cut short');
}
is(verify(), 't|||', '... and the log verifies');

# And while it is at the checkpoint, and at the first segment that goes: what it has begun then it ends before it is ended.
SKIP:
{
	skip 'no library can be built here', 8 if system('gcc', '-shared', '-fPIC', '-O1', '-Wall', '-Wextra', '-Werror', '-o', $hold, "$ENV{CASUS_SRC}/test/log/hold.c", '-ldl') != 0;
	with_clock(sub { $node->restart });
	# A database is known again.
	CasusTest::wait_until(sub { return refused(q{SELECT casus.purge_log(before => '1990-01-01')}) !~ /is not known how long/ });
	for my $step ('rename', 'unlink')
	{
		begin_session();
		my $since = -s $node->logfile;
		append_to_file("$clock.hold.$step", '');
		begin_purge();
		ok(CasusTest::wait_until(sub { -e "$clock.hold.held" }), "a purge is at its $step");
		kill 'TERM', $pid;
		unlink "$clock.hold.$step", "$clock.hold.held";
		eval { $session->finish };
		like(substr(slurp_file($node->logfile), $since), qr/terminating connection due to administrator command/, '... and is ended there');
		is((segments())[0], unpack('Q<', substr slurp_file(checkpoint()), 32, 8) + 1, '... with all segments gone for which the checkpoint stands');
		is(verify(), 't|||', '... and the log verifies');
	}
}

# The segment that is written to holds records that are beyond their term as well; it stays, and that is nothing to warn of.
refused(q{SELECT casus.open_file('geen', 'geen')});
set_clock('2060-01-01 09:00:00');
CasusTest::wait_until(sub { return refused(q{SELECT casus.purge_log(before => '1990-01-01')}) !~ /is not known how long/ });
sql('SELECT casus.purge_log()');
cmp_ok((grep { $_->{ts} lt '2058' } records()), '>', 0, 'records that are beyond their term stand in the last segment');
is(sql($overdue), '', '... of which doctor says nothing, since no purge would remove it');
$node->stop;
like(ctl(), qr/^0:/, 'offline as well');

done_testing();

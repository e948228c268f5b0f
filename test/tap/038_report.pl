# casusctl report: one page of HTML for the fg, with the figures of the month and nothing that a name brings as markup; who_saw
# and affected over records that are in tables find them by an index; who oversees a file has a page of that file, and no other.  [P-49] [B-47] [B-50] [MN-10] (D 20)
use strict;
use warnings;
use utf8;

use Encode qw(decode_utf8 encode_utf8);
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use CasusTest;

my $ctl = CasusTest::casusctl();
# Below the plans are looked at: those without statistics, however long it takes.
my $node = CasusTest::start('main', conf => "casus.log_load_interval = 1s\nlog_min_messages = log\nautovacuum = off\n");
my $script = '<script>alert(1)</script>';
my $image = "\"><img src=x onerror='alert(2)'> O'Brien & Zn";
# A bell, a line, a mark that turns the direction of writing, one without width; and what is a name as any other.
my $hidden = "Bel\x07 en\nregel \x{202E}sroht\x{200B} na\x{EF}ef \x{1F600}";
my $quote = sub { my ($text) = @_; $text =~ s/'/''/g; return encode_utf8("'$text'") };

# ---- a month with something of everything ----

CasusTest::within_a_day();
$node->safe_psql('postgres', qq{
	CREATE ROLE coordinator LOGIN;
	CREATE ROLE "$script" LOGIN;
	CREATE ROLE regisseur LOGIN;
	CREATE ROLE stranger LOGIN;
	CREATE ROLE beheer LOGIN IN ROLE casus_admin;
	CREATE ROLE "<u>sleutels</u>" LOGIN IN ROLE casus_admin;
	CREATE ROLE auditor LOGIN IN ROLE casus_auditor;
	CREATE ROLE reserve LOGIN BYPASSRLS IN ROLE casus_backup;
	CREATE TABLE zaak (id integer PRIMARY KEY, titel text);
	CREATE TABLE "<b>stuk</b>" (id integer PRIMARY KEY);
	INSERT INTO zaak SELECT n, 'GEHEIME-TITEL' FROM generate_series(1, 30) n;
	GRANT SELECT ON zaak TO PUBLIC;
	GRANT SELECT ON "<b>stuk</b>" TO reserve;
	SELECT casus.install_protocol('beesel-2021');
	SELECT casus.open_file('beesel-2021', '<i>bestand</i>');
	SELECT casus.activate_protocol('<i>bestand</i>', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": "x"}');
	SELECT casus.add_person(${\ $quote->($image)}, 'coordinator', oath_on => '2020-01-01');
	SELECT casus.add_person(${\ $quote->($hidden)}, '$script', oath_on => '2020-01-01');
	SELECT casus.add_person('R. Regisseur', 'regisseur', oath_on => '2020-01-01');
	SELECT casus.appoint(${\ $quote->($image)}, '<i>bestand</i>', NULL, 'coordinator', reason => 'GEHEIME-REDEN');
	SELECT casus.appoint(${\ $quote->($hidden)}, '<i>bestand</i>', NULL, 'coordinator', reason => 'test');
	SELECT casus.protect('zaak', '<i>bestand</i>', opens_dossier => true, category => 'registratie', without_purpose => 'error');
	SELECT casus.protect('"<b>stuk</b>"', '<i>bestand</i>', opens_dossier => true, category => 'registratie');
});
$node->safe_psql('postgres', q{CALL casus.take_in('zaak', phase => '''intake''', opened => '''2026-01-01''')});
$node->safe_psql('postgres', q{SELECT casus.bind('zaak', 'enforce'); SELECT casus.bind('"<b>stuk</b>"', 'enforce')});
my $dossier = $node->safe_psql('postgres', q{SELECT min(id) FROM casus.dossier}, extra_params => [ '-U', 'auditor' ]);
my $as = sub { my ($user, $sql, @more) = @_; return $node->psql('postgres', $sql, extra_params => [ '-U', $user ], @more) };
$as->('coordinator', q{BEGIN; SELECT FROM casus.enter('intake'); SELECT count(*) FROM zaak; CREATE TEMP TABLE kopie AS SELECT id FROM zaak WHERE id <= 3; COMMIT});
$as->($script, q{BEGIN; SELECT FROM casus.enter('intake'); SELECT count(*) FROM zaak WHERE id = 1; COMMIT});
$as->('stranger', 'SELECT count(*) FROM zaak');
$as->('reserve', 'COPY zaak TO STDOUT; COPY "<b>stuk</b>" TO STDOUT');
$as->('beheer', qq{SELECT casus.break_glass('GEHEIME-REDEN', $dossier, '1 hour')});
$as->('<u>sleutels</u>', 'SELECT casus.rotate_log_key()');
my ($begin, $end, $sample) = split /\|/, $node->safe_psql('postgres',
	q{SELECT min(at), clock_timestamp(), (array_agg(seq ORDER BY seq))[1:3] FROM casus.access_log}, extra_params => [ '-U', 'auditor' ]);

sub report
{
	my (@arguments) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ $ctl, 'report', @arguments ], '>', \$out, '2>', \$err);
	return ($? >> 8, decode_utf8($out), $err);
}
my $server = sub { return ('-d', $node->connstr('postgres') . " user=$_[0]") };
my $month = $node->safe_psql('postgres', q{SELECT to_char(now() AT TIME ZONE 'Europe/Amsterdam', 'YYYY-MM')});
my ($code, $page, $err) = report('-m', $month, $server->('auditor'));
is("$code$err", '0', 'a page');

# ---- its form ----

# Elements and attributes are those that the program writes, in their order; the rest is text.
my (%element, @open, @wrong);
my $rest = $page;
$rest =~ s/\A<!DOCTYPE html>\n// or push @wrong, 'no doctype';
while ($rest =~ /\G([^<]*)(?:<(\/?)(\w+)((?: [\w-]+="[^"<>]*")*)>|\z)/gc)
{
	my ($text, $end, $name, $attributes) = ($1, $2, $3, $4);
	push @wrong, "text: $text" if $text =~ /[>]|&(?!(?:lt|gt|amp|quot|#39);)/ && ($open[-1] // '') ne 'style';
	last unless defined $name;
	$element{$name}++ unless $end;
	push @wrong, "$name: $attributes" if $attributes =~ /\b(?:on\w+|src|data|action)=|href="[^#]|javascript|url\(/i;
	next if $name eq 'meta';
	if (!$end) { push @open, $name }
	elsif (($open[-1] // '') eq $name) { pop @open }
	else { push @wrong, "</$name> in @open" }
}
push @wrong, 'stops at ' . substr($rest, pos($rest) // 0, 60) if (pos($rest) // 0) < length $rest;
is_deeply([ @wrong, @open ], [], 'well formed, with nothing that runs or is loaded');
is_deeply([ grep { !/^(?:html|head|meta|title|style|body|main|nav|ul|li|a|h1|h2|p|div|table|caption|thead|tbody|tr|th|td|bdi)$/ } sort keys %element ], [], '... of elements that the program writes');
unlike($page, qr/url\(|\@import|https?:/, '... and no address');
like($page, qr/<html lang="nl">/, 'in Dutch');
like($page, qr/Content-Security-Policy" content="default-src 'none'/, '... and says so to the browser');
is($element{h1}, 1, 'one title');
is(scalar(() = $page =~ /<table>\n<caption>[^<]+<\/caption>\n<thead><tr>(?:<th scope="col"[^>]*>[^<]+<\/th>)+<\/tr><\/thead>/g), $element{table}, 'each table has a caption and headings of columns');
is(scalar(() = $page =~ /<tr><th scope="row"/g), $element{tr} - $element{table}, '... and of rows');
is(scalar(() = $page =~ /<h2 id="/g), 13, 'its sections');
unlike($page, qr/[\x00-\x09\x0B-\x1F\x7F-\x9F\x{200B}-\x{200F}\x{202A}-\x{202E}]/, 'no character that nobody sees');

# ---- what stands in it ----

my %section = $page =~ /<h2 id="(\w+)">(.*?)(?=<h2|<\/main>)/gs;
sub cells { my ($id) = @_; return map { [ map { s/<[^>]*>//gr } /<t[hd][^>]*>(.*?)<\/t[hd]>/g ] } $section{$id} =~ /<tr>(<th scope="row".*?)<\/tr>/g }
my $image_shown = '&quot;&gt;&lt;img src=x onerror=&#39;alert(2)&#39;&gt; O&#39;Brien &amp; Zn';
my $hidden_shown = "Bel[U+0007] en[U+000A]regel [U+202E]sroht[U+200B] na\x{EF}ef \x{1F600}";
is_deeply([ map { $_->[0] } cells('personen') ], [ $image_shown, $hidden_shown ], 'names as they are, most dossiers first');
is_deeply([ map { $_->[3] } cells('personen') ], [ 30, 1 ], '... with their dossiers');
is_deeply([ cells('gebruik') ], [ [ '&lt;i&gt;bestand&lt;/i&gt;', 'naar tijdelijke tabel', 'coordinator', 'intake', 'gekozen', 1, 3, 1, 3 ],
		[ '&lt;i&gt;bestand&lt;/i&gt;', 'gelezen', 'coordinator', 'intake', 'gekozen', 2, 30, 2, 31 ] ], 'use per file, office and purpose');
is_deeply([ map { [ @$_[ 0 .. 5 ] ] } cells('weigeringen') ], [ [ 'no_purpose', 'geweigerd', 'beesel-2021', '3.4; 3.5.a', 1, 1 ] ], 'refusals by check and article');
is_deeply([ sort map { "$_->[0] $_->[1] $_->[3]" } cells('uitvoer') ], [ sort 'public.&lt;b&gt;stuk&lt;/b&gt; dump begonnen reserve', 'public.&lt;b&gt;stuk&lt;/b&gt; dump of export reserve',
		'public.zaak dump begonnen reserve', 'public.zaak dump of export reserve', 'public.zaak naar tijdelijke tabel coordinator' ], 'dumps and copies');
is_deeply([ map { [ @$_[ 1 .. 4, 7 ] ] } cells('openingen') ], [ [ 'break-glass', '&lt;i&gt;bestand&lt;/i&gt;', $dossier, 'beheer', 'NOG NIET BEOORDEELD' ] ], 'break-glass that waits');
like($section{controles}, qr/class="bad">Over deze maand is nog geen controle/, 'that nobody has controlled the log');
is_deeply([ map { $_->[0] } cells('uitschieters') ], [$image_shown], 'an outlier');
like(join(' ', map { "$_->[0]:$_->[6]" } cells('verruiming')), qr/\badd_person:3 appoint:2 break_glass:1\b/, 'what widened');
cmp_ok(scalar(cells('bevindingen')), '>', 0, 'findings of doctor');
is_deeply([ map { "$_->[0] $_->[2]" } cells('inzage') ], [ 'auditor gelezen', 'auditor geverifieerd' ], 'who read the log');
is_deeply([ map { [ @$_[ 0 .. 3 ] ] } cells('log') ], [ [ 'begonnen', 'a log begins', "\x{2013}", 1 ], [ 'sleutel', 'a key file was made', "\x{2013}", 1 ],
		[ 'sleutel', 'from this segment on the log has another key', "\x{2013}", 1 ], [ 'andere sleutel gemaakt', "\x{2013}", '&lt;u&gt;sleutels&lt;/u&gt;', 1 ] ], 'what the log says of itself');
is_deeply([ map { $_->[1] } cells('knooppunten') ], ['deze server'], 'of which servers it is');
like($section{keten}, qr/class="good">De log van deze server is geheel.*zonder eerder anker.*class="line">([0-9a-f]{32}:\d+:[0-9a-f]{64})</s, 'the chain, and an anchor to keep');
my ($anchor) = $section{keten} =~ /class="line">([^<]+)/;
like($page, qr/\(Europe\/Amsterdam\)/, 'the zone of the month is stated');
like($page, qr/Van $month-01 00:00 tot \d{4}-\d\d-01 00:00/, '... and from when to when');
like($page, qr/nog niet voorbij/, '... and that it is not over');
unlike($page, qr/GEHEIM/, 'no reason, and nothing of a dossier');

# The zone, language and path of who asks do not change the page.
$node->safe_psql('postgres', q{ALTER ROLE auditor SET timezone = 'Asia/Tokyo'; ALTER ROLE auditor SET datestyle = 'SQL, DMY'; CREATE SCHEMA weg;
	CREATE FUNCTION weg.now() RETURNS timestamptz LANGUAGE sql AS $$SELECT timestamptz '1999-01-01'$$; ALTER ROLE auditor SET search_path = weg, pg_catalog; GRANT USAGE ON SCHEMA weg TO PUBLIC});
$node->safe_psql('postgres', qq{SELECT casus.record_control('$begin', '$end', '$sample', 'findings', 'GEHEIME-REDEN')}, extra_params => [ '-U', 'auditor' ]);
($code, my $second) = report('-m', $month, '-a', $anchor, $server->('auditor'));
is($code, 0, 'with an anchor');
like($second, qr/en het meegegeven anker klopt/, '... which is told');
like($second, qr/Van $month-01 00:00 tot/, '... in Amsterdam, whatever the role has set');
my %again = $second =~ /<h2 id="(\w+)">(.*?)(?=<h2|<\/main>)/gs;
like($again{controles}, qr/<td class="n"><bdi>3<\/bdi><\/td><td><bdi>\d+, \d+, \d+<\/bdi><\/td><td><bdi>bevindingen</, 'a control with sample and outcome');
unlike($second, qr/GEHEIM/, '... without its motivation');
is($again{$_}, $section{$_}, "the same: $_") for qw(gebruik weigeringen uitvoer openingen personen uitschieters);

# ---- other months, other people ----

($code, my $empty) = report('-m', '2020-02', $server->('auditor'));
is($code, 0, 'a month without an entry');
like($empty, qr/class="bad">In deze maand heeft de log van deze database geen enkele regel\./, '... says so');
like($empty, qr/De log van deze server is geheel/, '... and how it stands with the log');
like($empty, qr/Van 2020-02-01 00:00 tot 2020-03-01 00:00/, '... and which month it is');
is(scalar(() = $empty =~ /<table>/g), 2, '... findings and servers have tables: they are as of now');
is_deeply([ (report('-m', '2999-01', $server->('auditor')))[ 0, 1 ] ], [ 2, '' ], 'a month that has not begun');
for my $bad ('2026-13', '2026-00', '2026-1', '0000-01', '2026-01-01', 'maart', '2026-0x', q{2026-01'})
{
	is_deeply([ (report('-m', $bad, $server->('auditor')))[ 0, 1 ] ], [ 2, '' ], "no month: $bad");
}
is_deeply([ (report($server->('auditor')))[ 0, 1 ] ], [ 2, '' ], 'no month given');
is_deeply([ (report('-m', $month, '-k', 'x', $server->('auditor')))[ 0, 1 ] ], [ 2, '' ], 'a key file is not needed');
for my $other (qw(beheer stranger postgres))
{
	is_deeply([ (report('-m', $month, $server->($other)))[ 0, 1 ] ], [ 3, '' ], "not for $other");
}
like((report('-m', $month, $server->('beheer')))[2], qr/only a member of casus_auditor sees the whole log/, '... who is told why');
is_deeply([ (report('-m', $month, '-a', "x$anchor", $server->('auditor')))[ 0, 1 ] ], [ 3, '' ], 'no anchor');
{
	my ($other_code, $other) = report('-m', $month, '-a', $anchor =~ s/^(.)/$1 eq 'a' ? 'b' : 'a'/er, $server->('auditor'));
	is($other_code, 1, 'an anchor of the log of another node: the page is made, and is not content');
	like($other, qr/class="bad">Het meegegeven anker is van de log van een ANDERE node.*zonder eerder anker/s, '... and says so');
}
is_deeply([ (report('-m', $month, '-d', 'host=' . $node->basedir . '/nowhere'))[ 0, 1 ] ], [ 3, '' ], 'a server that is not there');
is(system("'$ctl' report -m $month -d '" . ($server->('auditor'))[1] . "' >/dev/full 2>/dev/null") >> 8, 2, 'a page that cannot be written');

# ---- who oversees a file  [B-47] ----

$node->safe_psql('postgres', q{
	CREATE ROLE elders LOGIN;
	CREATE ROLE dubbel LOGIN;
	CREATE TABLE ander (id integer PRIMARY KEY);
	INSERT INTO ander SELECT generate_series(1, 7);
	GRANT SELECT ON ander TO PUBLIC;
	SELECT casus.open_file('beesel-2021', 'ander');
	SELECT casus.activate_protocol('ander', 'DPIA-1', '{"startdatum": "2021-12-01", "standaarden": "x"}');
	SELECT casus.add_person('E. Elders', 'elders', oath_on => '2020-01-01');
	SELECT casus.add_person('D. Dubbel', 'dubbel', oath_on => '2020-01-01');
	SELECT casus.appoint('E. Elders', 'ander', NULL, 'coordinator', reason => 'test');
	SELECT casus.appoint('D. Dubbel', f, NULL, 'coordinator', reason => 'test') FROM unnest('{ander,<i>bestand</i>}'::text[]) f;
	SELECT casus.protect('ander', 'ander', opens_dossier => true, category => 'registratie', without_purpose => 'error');
});
$node->safe_psql('postgres', q{CALL casus.take_in('ander', phase => '''intake''', opened => '''2026-01-01''')});
$node->safe_psql('postgres', q{SELECT casus.bind('ander', 'enforce'); GRANT SELECT ON ander TO reserve});
$as->('elders', q{BEGIN; SELECT FROM casus.enter('intake'); SELECT count(*) FROM ander; COMMIT});
$as->('reserve', 'COPY ander TO STDOUT');
my $foreign = $node->safe_psql('postgres', q{SELECT max(id) FROM casus.dossier WHERE file = 'ander'}, extra_params => [ '-U', 'auditor' ]);
$as->('beheer', qq{SELECT casus.break_glass('GEHEIME-REDEN', $foreign, '1 hour')});

($code, $page, $err) = report('-m', $month, $server->('coordinator'));
is("$code$err", '0', 'a page for who oversees one file');
%section = $page =~ /<h2 id="(\w+)">(.*?)(?=<h2|<\/main>)/gs;
like($page, qr/Alleen wat volgens de log over bestand &lt;i&gt;bestand&lt;\/i&gt; gaat\./, '... which says so');
like($section{keten}, qr/niet geverifieerd/, '... and that the log was not verified for it');
is_deeply([ sort keys %section ], [ sort qw(keten gebruik weigeringen uitvoer openingen controles uitschieters verruiming personen inzage) ], '... with what is of a file');
is(scalar(() = $page =~ /<li><a href="#\w+">/g), scalar(keys %section), '... and its contents');
unlike($page, qr/[Ee]lders|ander<|public\.ander|\b$foreign</, '... and nothing of another');
unlike($page, qr/GEHEIM/, '... no reason, and nothing of a dossier');
is_deeply([ map { $_->[3] } cells('personen') ], [ 30, 1 ], '... everybody in it with their dossiers');
is_deeply([ map { [ @$_[ 1 .. 4, 7 ] ] } cells('openingen') ], [ [ 'break-glass', '&lt;i&gt;bestand&lt;/i&gt;', $dossier, 'beheer', 'alleen voor wie beoordeelt' ] ], '... break-glass in it');
is_deeply([ sort map { "$_->[0] $_->[1] $_->[3]" } cells('uitvoer') ], [ sort 'public.&lt;b&gt;stuk&lt;/b&gt; dump begonnen reserve', 'public.&lt;b&gt;stuk&lt;/b&gt; dump of export reserve',
		'public.zaak dump begonnen reserve', 'public.zaak dump of export reserve', 'public.zaak naar tijdelijke tabel coordinator' ], '... dumps of its tables');
like(join(' ', map { $_->[0] } cells('inzage')), qr/O&#39;Brien &amp; Zn/, '... and that he read the log');
is((report('-m', $month, '--file', '<i>bestand</i>', $server->('coordinator')))[0], 0, 'he may name it');
is_deeply([ (report('-m', $month, '--file', 'ander', $server->('coordinator')))[ 0, 1 ] ], [ 3, '' ], 'the page of another is not for him');
is_deeply([ (report('-m', $month, '--file', 'geen', $server->('auditor')))[ 0, 1 ] ], [ 3, '' ], 'a file that is not there');
is_deeply([ (report('-m', $month, $server->('dubbel')))[ 0, 1 ] ], [ 2, '' ], 'of several he names one');
for my $who (qw(dubbel elders auditor))
{
	($code, $page) = report('-m', $month, '-F', 'ander', $server->($who));
	is($code, 0, "the page of the other for $who");
	%section = $page =~ /<h2 id="(\w+)">(.*?)(?=<h2|<\/main>)/gs;
	is_deeply([ map { [ @$_[ 0, 3 ] ] } cells('personen') ], [ [ 'E. Elders', 7 ] ], '... of who read in it');
	unlike(join('', @section{qw(gebruik weigeringen uitvoer openingen uitschieters verruiming personen)}), qr/bestand&lt;|zaak|stuk|O&#39;Brien/, '... and of nothing else');
}
like($section{keten}, qr/class="good"/, '... for the auditor with the state of the log');
like($page, qr/Alleen wat volgens de log over bestand ander gaat, behalve de staat van de log/, '... which is not of the file, as it says');

# ---- by the index: in tables, who_saw and affected do not look at every record ----

$node->safe_psql('postgres', q{GRANT casus_auditor TO postgres});
my $reads = $node->basedir . '/reads.sql';
append_to_file($reads, "\\set id random(1, 30)\nBEGIN;\nSELECT FROM casus.enter('intake');\nSELECT count(*) FROM zaak WHERE id = :id;\nCOMMIT;\n");
$node->command_ok([ 'pgbench', '-n', '-U', 'coordinator', '-c', 4, '-t', 1000, '-f', $reads, '-h', $node->host, '-p', $node->port, 'postgres' ], 'some thousand records');
$node->poll_query_until('postgres', q{SELECT bool_and(loaded_seq >= (SELECT max(seq) FROM casus.access_log WHERE kind = 'read' AND relation = 'public.zaak')) FROM casus.log_nodes()})
	or BAIL_OUT('the log is not loaded');
my $plan = q{LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on; SET client_min_messages = log;};
sub planned
{
	my ($sql) = @_;
	my ($out, $said) = ('', '');
	$node->psql('postgres', $plan . $sql, stdout => \$out, stderr => \$said);
	return $said;
}
my $who = planned("SELECT count(*) FROM casus.who_saw($dossier, '2026-01-01')");
like($who, qr/Bitmap Index Scan on access_record_\d{4}_\d\d_\w+.*\n\s+Index Cond: \(jsonb_path_query_array\(line, .*\) @> ANY \(/, 'who_saw: by the dossiers of the records');
my $affected = planned("SELECT count(*) FROM casus.affected('coordinator', '2026-01-01')");
like($affected, qr/Bitmap Index Scan on access_record_\d{4}_\d\d_\w+.*\n\s+Index Cond: \(ARRAY\[person, \(line ->> 'role'::text\)\] @> /, 'affected: by whose they are');
unlike($who . $affected, qr/Seq Scan on access_record_\d{4}/, 'neither looks at all');
like($who, qr/Index Scan (?:using|on) access_record_\d{4}_\d\d_at_idx1/, 'dumps: among the few of their kind');

# What is found by it is what all of the log has.
my $same = q{SELECT count(*) = (SELECT count(*) FROM casus.access_log l WHERE l.kind IN ('read', 'copy', 'would_refuse') AND %1$s = ANY (l.dossiers)) FROM casus.who_saw(%1$s) WHERE kind <> 'dump'};
for my $one ($dossier, $dossier + 2, $dossier + 29, 0)
{
	is($node->safe_psql('postgres', sprintf($same, $one), extra_params => [ '-U', 'auditor' ]), 't', "who_saw($one): as by a look at every record");
}

# ... and that they did so, and how much of the tables they read for it, says the server, whatever a plan says.
sub scanned
{
	return map { split /\|/ } $node->safe_psql('postgres', q{
		SELECT (SELECT sum(s.idx_scan) FROM pg_stat_all_indexes s JOIN pg_inherits i ON i.inhrelid = s.indexrelid WHERE i.inhparent = 'casus_cat.access_record_finds'::regclass),
			sum(t.seq_scan), sum(b.heap_blks_read + b.heap_blks_hit), sum(b.toast_blks_read + b.toast_blks_hit)
		FROM pg_inherits i JOIN pg_stat_all_tables t ON t.relid = i.inhrelid JOIN pg_statio_all_tables b ON b.relid = i.inhrelid
		WHERE i.inhparent = 'casus_cat.access_record'::regclass});
}
sub scans_of
{
	my ($sql) = @_;
	my @before = scanned();
	my $result = $node->safe_psql('postgres', $sql, extra_params => [ '-U', 'auditor' ]);
	my @after = scanned();
	return ($result, map { $after[$_] - $before[$_] } 0 .. $#after);
}
my $pages = $node->safe_psql('postgres', q{SELECT sum(pg_relation_size(inhrelid)) / current_setting('block_size')::integer FROM pg_inherits WHERE inhparent = 'casus_cat.access_record'::regclass}) + 0;
for my $call ("casus.who_saw($dossier)", "casus.who_saw($dossier, '2026-01-01')", q{casus.seen_by('regisseur')}, q{casus.affected('regisseur')})
{
	my ($count, $by_index, $whole, $read) = scans_of("SELECT count(*) FROM $call");
	cmp_ok($by_index, '>', 0, "$call: by the index");
	is($whole, 0, '... without a look at every record');
	next if $call =~ /who_saw/;
	cmp_ok($read, '<', $pages / 5, "... and few pages: $read of $pages");
}

# ---- a record of many dossiers is unpacked once, not for each of them ----

my $many = 20_000;
$node->safe_psql('postgres', qq{
	CREATE TABLE veel (id integer PRIMARY KEY);
	INSERT INTO veel SELECT generate_series(1, $many);
	GRANT SELECT ON veel TO coordinator;
	SELECT casus.protect('veel', '<i>bestand</i>', opens_dossier => true, category => 'registratie', without_purpose => 'error')});
$node->safe_psql('postgres', qq{CALL casus.take_in('veel', batch_size => $many, phase => '''intake''', opened => '''2026-01-01''')});
$node->safe_psql('postgres', q{SELECT casus.bind('veel', 'enforce')});
my $from = $node->safe_psql('postgres', 'SELECT clock_timestamp()');
$as->('coordinator', q{BEGIN; SELECT FROM casus.enter('intake'); SELECT count(*) FROM veel; CREATE TEMP TABLE kopie AS SELECT id FROM veel; COMMIT});
$node->poll_query_until('postgres', q{SELECT bool_and(loaded_seq >= (SELECT max(seq) FROM casus.access_log WHERE kind = 'copy' AND relation = 'public.veel')) FROM casus.log_nodes()})
	or BAIL_OUT('the log is not loaded');
my $apart = $node->safe_psql('postgres', q{
	SELECT sum(pg_relation_size(c.reltoastrelid)) / current_setting('block_size')::integer FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
	WHERE i.inhparent = 'casus_cat.access_record'::regclass}) + 0;
cmp_ok($apart, '>', 5, "records that stand apart, in $apart pages");
my ($copies, $reads_too) = split /\|/, $node->safe_psql('postgres', qq{
	SELECT count(*) FILTER (WHERE kind = 'copy'), count(*) FILTER (WHERE kind = 'read') FROM casus.access_log WHERE at >= '$from' AND relation = 'public.veel'});
cmp_ok($copies, '<=', $many / 1000, "of thousands of dossiers each: $copies records");
my @figures = (
	[ log_summary => 'reads, dossiers', ($copies + $reads_too) . "|$many" ],
	[ log_use => q{string_agg(concat_ws(' ', kind, persons, dossiers, records, row_count), ', ' ORDER BY kind)},
		"copy 1 $many $copies $many, read 1 $many $reads_too $many" ],
	[ log_outflow => 'kind, relation, records, dossiers, row_count', "copy|public.veel|$copies|$many|$many" ],
	[ log_persons => 'is_known, days, dossiers, records, row_count', "t|1|$many|${\ ($copies + $reads_too)}|${\ (2 * $many)}" ],
	[ log_outliers => 'office, dossiers, own_median, colleagues_median', "coordinator|$many||" ]);
for my $figure (@figures)
{
	my ($name, $what, $expected) = @$figure;
	my ($result, undef, undef, undef, $unpacked) = scans_of("SELECT $what FROM casus.$name('$from')");
	is($result, $expected, "$name over records of $many dossiers");
	cmp_ok($unpacked, '<', 20 * $apart, "... unpacked a few times: $unpacked pages");
}

# [B-47] Of records in tables, too, who oversees a file finds what is of it, by the index, and nothing of another.
$plan .= 'SET ROLE coordinator; ';
like(planned("SELECT count(*) FROM casus.who_saw($dossier, '2026-01-01')"), qr/Bitmap Index Scan on access_record_\d{4}_\d\d_\w+.*\n\s+Index Cond: \(jsonb_path_query_array\(line, .*\) @> ANY \(/, 'for who oversees the file by the dossiers, too');
my $all = q{SELECT count(*) FILTER (WHERE file = '<i>bestand</i>'), count(*) FILTER (WHERE file = 'ander' OR relation = 'public.ander' OR person = 'E. Elders') FROM casus.access_log WHERE at < '%s'};
my $now = $node->safe_psql('postgres', 'SELECT clock_timestamp()');
my ($of_file, $of_other) = split /\|/, $node->safe_psql('postgres', sprintf($all, $now), extra_params => [ '-U', 'auditor' ]);
cmp_ok($of_file, '>', 4000, 'records of a file');
cmp_ok($of_other, '>', 2, '... and of another');
is($node->safe_psql('postgres', sprintf($all, $now), extra_params => [ '-U', 'coordinator' ]), "$of_file|0", 'who oversees the one finds all of it, and none of the other');
is($node->safe_psql('postgres', "SELECT (SELECT count(*) FROM casus.who_saw($foreign)), (SELECT count(*) FROM casus.seen_by('E. Elders')), (SELECT count(*) FROM casus.log_use() WHERE file = 'ander')",
	extra_params => [ '-U', 'coordinator' ]), '0|0|0', '... by whatever he asks');
is((split /\|/, $node->safe_psql('postgres', sprintf($all, $now), extra_params => [ '-U', 'elders' ]))[0], 0, 'nor who oversees the other');

# ---- a log that is not whole ----

my ($segment) = CasusTest::log_segments($node);
my ($victim) = grep { $_->{segment} eq $segment && $_->{seq} == 5 } CasusTest::log_records($node);
open my $file, '+<:raw', $segment or die $!;
seek $file, $victim->{offset} + 30, 0;
print $file 'X';
close $file or die $!;
($code, my $damaged) = report('-m', $month, $server->('auditor'));
is($code, 1, 'a log that is not whole: the exit code');
like($damaged, qr/class="bad">De log van deze server is NIET geheel\. .*000000000001\.log, positie \d+, regel 5: /, '... and the page, which is there all the same');
is(scalar(() = $damaged =~ /<h2 /g), 13, '... whole');
$node->stop;
done_testing();

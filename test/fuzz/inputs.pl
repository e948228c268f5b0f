# Malformed terms, labels and protocol documents: whatever comes in, the answer
# is a value or a clear error; never an internal error, a crash or a hang.
# TEST_LONG=1 tries fifty times as much; FUZZ_SEED repeats a run.
use strict;
use warnings;

use Test::More;
use CasusTest;
use PostgreSQL::Test::Utils;

my $seed = $ENV{FUZZ_SEED} // time;
my $rounds = $ENV{TEST_LONG} ? 15000 : 300;
srand($seed);
diag("FUZZ_SEED=$seed");

my $node = CasusTest::start('main', conf => "statement_timeout = 60s\n");
my $protocol = slurp_file("$ENV{CASUS_SRC}/contrib/protocols/beesel-2021.json");

sub one_of { return $_[ rand @_ ]; }

# Changes a text in a few places: drops, doubles, swaps and inserts pieces.
sub mutated
{
	my ($text, @pieces) = @_;

	for (0 .. rand 4)
	{
		my $at = int rand(1 + length $text);
		my $length = int rand 12;

		substr($text, $at, $length > length($text) - $at ? length($text) - $at : $length) =
		  one_of('', one_of(@pieces), one_of(@pieces) x 2, substr($text, rand length $text, 8));
	}
	return $text;
}

sub literal
{
	my ($text) = @_;

	$text =~ s/\0//g;
	$text =~ s/'/''/g;
	$text =~ s/\\/\\\\/g;
	$text =~ s/\n/\\n/g;
	return "E'$text'";
}

# Runs what the maker gives, $count times, and looks at the errors that came back.
sub try_all
{
	my ($name, $count, $make) = @_;
	my (%seen, @bad);

	while ($count > 0)
	{
		my @statements = map { $make->() } 1 .. ($count < 300 ? $count : 300);
		my ($out, $err);

		$count -= 300;
		$node->psql('postgres', join(";\n", @statements) . ";\nSELECT 'alive';",
			on_error_stop => 0, stdout => \$out, stderr => \$err,
			extra_params => [ '-v', 'VERBOSITY=sqlstate' ]);
		if ($out !~ /^alive$/m)
		{
			diag(slurp_file($node->logfile) =~ /(Failed process was running: .*?)$/m);
			BAIL_OUT("$name: the server is gone");
		}
		$seen{$_}++ for $err =~ /ERROR:\s+(\w{5})/g;
		# Nor may the test itself be wrong (42883, 42P01).
		push @bad, map { /:(\d+):/ ? "$_\n$statements[$1 - 1]" : $_ }
		  grep { /(ERROR|FATAL|PANIC):\s+(XX|57|58|42883|42P01)/ } split /\n/, $err;
	}
	note(join ', ', map { "$_: $seen{$_}" } sort keys %seen);
	is(scalar @bad, 0, "$name: no internal error, no crash, no hang")
	  or diag(join "\n", @bad[ 0 .. ($#bad > 4 ? 4 : $#bad) ]);
	return;
}

my @term_pieces = ('uiterlijk', 'gedurende', ' after ', '1 year', '6 months', '-', "\x{7f}", '99999999999', '0', '  ', "'", '"', "\\",
	'besluit', 'afsluiten', 'x' x 300);
sub term
{
	return join ' ', one_of('uiterlijk', 'gedurende'), int(10**rand 6), one_of('year', 'months', 'weeks', 'day'),
	  'after', one_of('afsluiten', 'besluit', 'x');
}
my @dates = ('2024-02-29', '2023-10-29', '0001-01-01 BC', '4713-01-01 BC', '5874897-12-31', 'infinity', '-infinity');
try_all('casus.term', $rounds,
	sub { my $t = literal(rand() < 0.5 ? term() : mutated(term(), @term_pieces));
		my $d = one_of(@dates);
		("SELECT ($t)::casus.term, casus.term_event($t)", "SELECT casus.due_on($t, '$d')", "SELECT casus.term_end($t, '$d')",
			"SELECT casus.term_cmp($t, " . literal(term()) . ')') });

my @hex = ('0' .. '9', 'a' .. 'f', '00000000', 'ffffffff', '7fffffff', '80000000');
try_all('casus.label', $rounds,
	sub { my $u = "'" . substr(join('', map { one_of(@hex) } 1 .. 32), 0, 32) . "'::uuid::casus.label";
		("SELECT casus.dossier_of($u), casus.item_of($u), casus.label_text($u), casus_int.permits($u)") });

my @names = $protocol =~ /("\w+")/g;
my @json_pieces = (@names, '{', '}', '[', ']', ',', ':', 'null', 'true', '-1', '1e400', '99999999999999999999', '""', '"\\u0000"',
	'"' . ('x' x 100) . '"', '[[[[[[', '{"a":{"a":{"a":');
try_all('casus.lint_protocol, mutated text', $rounds / 3,
	sub { 'SELECT count(*) FROM casus.lint_protocol(' . literal(mutated($protocol, @json_pieces)) . '::jsonb)' });

# A text that is changed at random is mostly no JSON: here the tree is changed instead.
my @paths = split /\n/, $node->safe_psql('postgres', <<"EOQ");
WITH RECURSIVE node(path, value) AS (
	SELECT ARRAY[]::text[], @{[ literal($protocol) ]}::jsonb
	UNION ALL
	SELECT node.path || child.key, child.value FROM node, LATERAL (
		SELECT key, value FROM jsonb_each(CASE jsonb_typeof(node.value) WHEN 'object' THEN node.value ELSE '{}' END)
		UNION ALL
		SELECT (ordinality - 1)::text, value
		FROM jsonb_array_elements(CASE jsonb_typeof(node.value) WHEN 'array' THEN node.value ELSE '[]' END) WITH ORDINALITY) child)
SELECT path FROM node WHERE path <> '{}'
EOQ
my @values = ('null', 'true', '-1', '0', '1e6', '""', '"nobody"', '[]', '{}', '[[]]', '[null]', '{"x": 1}', '"a\\"b"', @names[ 0 .. 40 ]);
my $doc = '(SELECT d FROM fuzz_protocol)';
$node->safe_psql('postgres', 'CREATE TABLE fuzz_protocol AS SELECT ' . literal($protocol) . '::jsonb AS d');
try_all('casus.lint_protocol, mutated tree', $rounds,
	sub { my $path = literal(one_of(@paths));
		my $new = one_of("$doc #- $path", map { "jsonb_set($doc, $path, " . literal($_) . ')' } one_of(@values), one_of(@values));
		('SELECT count(*) FROM casus.lint_protocol(' . $new . ')') });

# What the lint lets through, the loader takes or refuses, but never half.
try_all('casus.load_protocol, mutated tree', $rounds / 3,
	sub { my $path = literal(one_of(@paths));
		my $new = "jsonb_set($doc, $path, " . literal(one_of(@values)) . ')';
		('BEGIN', "SELECT casus.load_protocol($new)", 'ROLLBACK') });

unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|TRAP:/, 'no backend died');
$node->stop;
done_testing();

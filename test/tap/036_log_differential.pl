# The access log compared with an unprotected copy of the same data: of each of some hundred queries, made from templates,
# the dossiers and numbers of rows that are on record, against those that the copy tells.  [B-50]
#
#	exact	every dossier with the number of rows that its scans let through
#	upper	at least the dossiers whose rows the result was made of, with as many rows; at most those that the conditions on
#		each relation by itself let through, each row once, however it is joined; none that the reader may not see
#
# Long runs take more of each template.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use CasusTest;

my $rounds = $ENV{TEST_LONG} ? 100 : 8;
my $seed = $ENV{CASUS_SEED} // int rand 1e9;
srand $seed;
note "seed $seed";
my $node = CasusTest::start('main');

CasusTest::fixture($node, 'coor');
$node->safe_psql('postgres', q{
	CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL, titel text NOT NULL);
	CREATE TABLE stuk (id integer PRIMARY KEY, zaak_id integer NOT NULL, tekst text NOT NULL, dossier bigint);
	CREATE TABLE lijst (id integer PRIMARY KEY);
	INSERT INTO zaak SELECT n, CASE WHEN n <= 80 THEN 8 ELSE 1 END, 'zaak ' || n FROM generate_series(1, 100) n;
	INSERT INTO stuk SELECT n, (n + 19) / 20, 'stuk ' || n % 7 FROM generate_series(1, 2000) n;
	INSERT INTO lijst SELECT 7 * n FROM generate_series(1, 40) n;
	GRANT SELECT, INSERT, UPDATE, DELETE ON zaak, stuk, lijst TO coordinator;
	SELECT casus.protect('zaak', 'beesel', opens_dossier => true, governs => 'soort = 8', category => 'registratie', without_purpose => 'hide');
});
# Of every fourth matter the reader, whose purpose is intake, sees nothing.
$node->safe_psql('postgres', q{CALL casus.take_in('zaak', phase => 'CASE WHEN id % 4 = 0 THEN ''overleg'' ELSE ''intake'' END', opened => '''2026-01-01''')});
$node->safe_psql('postgres', q{
	CREATE TABLE zaak_copy AS SELECT id, soort, titel, casus.dossier_of(casus_label) AS dossier, id <= 80 AND id % 4 <> 0 AS shown FROM zaak;
	UPDATE stuk SET dossier = z.dossier FROM zaak_copy z WHERE z.id = zaak_id;
	CREATE TABLE stuk_copy AS SELECT s.*, z.shown FROM stuk s JOIN zaak_copy z ON z.id = zaak_id;
	CREATE TABLE deel (id integer PRIMARY KEY, zaak_id integer NOT NULL, tekst text NOT NULL, dossier bigint) PARTITION BY RANGE (id);
	CREATE TABLE deel_laag PARTITION OF deel FOR VALUES FROM (0) TO (700);
	CREATE TABLE deel_hoog PARTITION OF deel FOR VALUES FROM (700) TO (5000);
	INSERT INTO deel SELECT id, zaak_id, tekst, dossier FROM stuk;
	GRANT SELECT, INSERT, UPDATE, DELETE ON deel TO coordinator;
	CREATE TABLE deel_copy AS SELECT * FROM stuk_copy;
	SELECT casus.protect('deel', 'beesel', dossier => 'dossier', governs => 'zaak_id <= 80', category => 'registratie', without_purpose => 'hide');
	SELECT casus.protect('stuk', 'beesel', dossier => 'dossier', governs => 'zaak_id <= 80', category => 'registratie', without_purpose => 'hide');
});
$node->safe_psql('postgres', q{CALL casus.take_in('stuk')});
$node->safe_psql('postgres', q{CALL casus.take_in('deel')});
$node->safe_psql('postgres', q{
	CREATE INDEX stuk_zaak ON stuk (zaak_id) INCLUDE (casus_label);
	CREATE FUNCTION counted(low integer, high integer) RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RETURN (SELECT count(*) FROM stuk WHERE id BETWEEN low AND high); END$$;
	CREATE FUNCTION listed(low integer, high integer) RETURNS SETOF integer LANGUAGE sql AS $$SELECT id FROM stuk WHERE id BETWEEN low AND high$$;
	SELECT casus.bind('zaak', 'enforce');
	SELECT casus.bind('stuk', 'enforce');
	SELECT casus.bind('deel', 'enforce');
	CREATE VIEW stuk_view AS SELECT id, zaak_id, tekst FROM stuk WHERE zaak_id <= 90;
	CREATE VIEW stuk_own WITH (security_invoker = true) AS SELECT s.id, s.tekst, z.titel FROM stuk s JOIN zaak z ON z.id = s.zaak_id;
	GRANT SELECT, UPDATE, DELETE ON stuk_view, stuk_own TO coordinator;
	VACUUM ANALYZE;
});
my @shown = split /\n/, $node->safe_psql('postgres', 'SELECT dossier FROM zaak_copy WHERE shown');
is(scalar(@shown), 60, 'dossiers that the reader may see');
is($node->safe_psql('postgres', 'SELECT count(*) FROM stuk_copy WHERE dossier IS NOT NULL AND NOT shown'), '400', 'rows that he may not');

# ---- the templates ----

# What a scan of a relation lets through where a condition on the copy is true.
sub passed { my ($relation, $condition) = @_; return [ $relation => "FROM ${relation}_copy r WHERE shown AND ($condition)" ] }

# What it lets through at the most.
sub most { my ($relation, $condition) = @_; return [ @{ passed($relation, $condition) }, 'most' ] }

# As passed, by any FROM clause; r is the copy.
sub joined { my ($relation, $from) = @_; return [ $relation => "FROM $from" ] }

my $only = sub { return map { "SET LOCAL enable_$_ = off;" } grep { my $s = $_; !grep { $_ eq $s } @_ } qw(seqscan indexscan indexonlyscan bitmapscan hashjoin mergejoin nestloop material memoize sort) };
my $plain = join ' ', $only->(qw(seqscan indexscan indexonlyscan bitmapscan hashjoin mergejoin nestloop material sort));
my ($low, $high, $mod, $few);
sub draw
{
	$low = 1 + int rand 1990;
	$high = $low + int rand(rand() < 0.5 ? 30 : 800);
	$mod = 2 + int rand 5;
	$few = 1 + int rand 20;
	return;
}
my $range = sub { return "r.id BETWEEN $low AND $high" };
my %template = (
	seq => sub { return ('exact', join(' ', $only->('seqscan')), "SELECT tekst FROM stuk r WHERE ${\ $range->()} AND id % $mod = 0", passed('stuk', "${\ $range->()} AND id % $mod = 0")) },
	index => sub { return ('exact', join(' ', $only->('indexscan')), "SELECT tekst FROM stuk r WHERE ${\ $range->()}", passed('stuk', $range->())) },
	index_rest => sub { return ('exact', join(' ', $only->('indexscan')), "SELECT id FROM stuk r WHERE ${\ $range->()} AND tekst = 'stuk $mod'", passed('stuk', "${\ $range->()} AND tekst = 'stuk $mod'")) },
	index_only => sub { my $z = 1 + $low % 100; return ('exact', join(' ', $only->('indexonlyscan')), "SELECT count(*) FROM stuk r WHERE zaak_id BETWEEN $z AND $z + $few", passed('stuk', "zaak_id BETWEEN $z AND $z + $few")) },
	bitmap => sub { return ('exact', join(' ', $only->('bitmapscan')), "SELECT tekst FROM stuk r WHERE ${\ $range->()} OR zaak_id = $few", passed('stuk', "${\ $range->()} OR zaak_id = $few")) },
	point => sub { return ('exact', '', "SELECT tekst FROM stuk r WHERE id = $low", passed('stuk', "id = $low")) },
	nothing => sub { return ('exact', '', "SELECT tekst FROM stuk r WHERE ${\ $range->()} AND tekst = 'none'", passed('stuk', 'false')) },
	aggregate => sub { return ('exact', '', "SELECT tekst, count(*), max(id) FROM stuk r WHERE ${\ $range->()} GROUP BY tekst HAVING count(*) > $mod ORDER BY 1", passed('stuk', $range->())) },
	window => sub { return ('exact', '', "SELECT id, rank() OVER (PARTITION BY tekst ORDER BY id) FROM stuk r WHERE ${\ $range->()}", passed('stuk', $range->())) },
	union => sub { return ('exact', '', "SELECT id FROM stuk r WHERE ${\ $range->()} UNION ALL SELECT id FROM zaak WHERE id <= $few", passed('stuk', $range->()), passed('zaak', "id <= $few")) },
	cte => sub { return ('exact', '', "WITH w AS MATERIALIZED (SELECT * FROM stuk r WHERE ${\ $range->()}) SELECT count(*) FROM w a, w b WHERE a.id = b.id", passed('stuk', $range->())) },
	prepared => sub { return ('exact', 'DEALLOCATE ALL; PREPARE q(integer, integer) AS SELECT id FROM stuk r WHERE id BETWEEN $1 AND $2;' . (rand() < 0.5 ? ' SET LOCAL plan_cache_mode = force_generic_plan;' : ''),
			"EXECUTE q($low, $high)", passed('stuk', $range->())) },
	function => sub { return ('exact', '', "SELECT counted($low, $high)", passed('stuk', $range->())) },
	function_set => sub { return ('exact', '', "SELECT count(*) FROM listed($low, $high)", passed('stuk', $range->())) },
	cursor => sub { return ('exact', join(' ', $only->('indexscan')) . " DECLARE c CURSOR FOR SELECT id FROM stuk r WHERE id >= $low AND zaak_id <= 80 ORDER BY id;", "FETCH $few FROM c; CLOSE c",
			joined('stuk', "(SELECT * FROM stuk_copy WHERE shown AND id >= $low ORDER BY id LIMIT $few) r")) },
	limit => sub { return ('exact', join(' ', $only->('indexscan')), "SELECT id FROM stuk r WHERE id >= $low AND zaak_id <= 80 ORDER BY id LIMIT $few",
			joined('stuk', "(SELECT * FROM stuk_copy WHERE shown AND id >= $low ORDER BY id LIMIT $few) r")) },
	sorted_limit => sub { return ('exact', join(' ', $only->(qw(seqscan sort))), "SELECT id FROM stuk r WHERE ${\ $range->()} ORDER BY tekst, id LIMIT $few", passed('stuk', $range->())) },
	hash_join => sub { return ('upper', "$plain SET LOCAL enable_nestloop = off; SET LOCAL enable_mergejoin = off;", "SELECT titel, tekst FROM stuk r JOIN zaak z ON z.id = zaak_id WHERE ${\ $range->()}",
			joined('stuk', "stuk_copy r JOIN zaak_copy z ON z.id = zaak_id WHERE r.shown AND ${\ $range->()}"), most('stuk', $range->()), most('zaak', 'true')) },
	merge_join => sub { return ('upper', "$plain SET LOCAL enable_nestloop = off; SET LOCAL enable_hashjoin = off;", "SELECT titel, tekst FROM stuk r JOIN zaak z ON z.id = zaak_id WHERE ${\ $range->()}",
			joined('stuk', "stuk_copy r JOIN zaak_copy z ON z.id = zaak_id WHERE r.shown AND ${\ $range->()}"),
			joined('zaak', "(SELECT DISTINCT z.* FROM stuk_copy s JOIN zaak_copy z ON z.id = zaak_id WHERE z.shown AND s.id BETWEEN $low AND $high) r"), most('stuk', $range->()), most('zaak', 'true')) },
	nested_loop => sub { return ('exact', join(' ', $only->(qw(indexscan nestloop))), "SELECT l.id, s.tekst FROM lijst l, LATERAL (SELECT tekst FROM stuk r WHERE r.id = l.id * $mod OFFSET 0) s",
			joined('stuk', "lijst l JOIN stuk_copy r ON r.id = l.id * $mod WHERE shown")) },
	sub_query => sub { return ('upper', '', "SELECT titel FROM zaak WHERE id IN (SELECT zaak_id FROM stuk r WHERE ${\ $range->()})",
			joined('zaak', "zaak_copy r WHERE shown AND id IN (SELECT zaak_id FROM stuk_copy r WHERE shown AND ${\ $range->()})"), most('stuk', $range->()), most('zaak', 'true')) },
	scalar => sub { return ('exact', '', "SELECT l.id, (SELECT tekst FROM stuk r WHERE r.id = l.id + $low) FROM lijst l", joined('stuk', "lijst l JOIN stuk_copy r ON r.id = l.id + $low WHERE shown")) },
	exists => sub { return ('upper', '', "SELECT titel FROM zaak WHERE EXISTS (SELECT FROM stuk r WHERE zaak_id = zaak.id AND ${\ $range->()})",
			joined('zaak', "zaak_copy r WHERE shown AND EXISTS (SELECT FROM stuk_copy s WHERE zaak_id = r.id AND shown AND s.id BETWEEN $low AND $high)"), most('stuk', $range->()), most('zaak', 'true')) },
	exists_one => sub { return ('upper', '', "SELECT EXISTS (SELECT FROM stuk r WHERE id = $low)", passed('stuk', "id = $low"), most('stuk', "id = $low")) },
	update => sub { return ('exact', 'SAVEPOINT s;', "UPDATE stuk r SET tekst = tekst || 'x' WHERE ${\ $range->()} AND zaak_id <= 80 AND id % 5 = 0; ROLLBACK TO s", passed('stuk', "${\ $range->()} AND id % 5 = 0")) },
	update_returning => sub { return ('exact', 'SAVEPOINT s;', "UPDATE stuk r SET tekst = 'x' WHERE id = $low RETURNING id, tekst; ROLLBACK TO s", passed('stuk', "id = $low")) },
	update_list => sub { return ('upper', 'SAVEPOINT s;', "UPDATE stuk r SET tekst = 'x' FROM lijst l WHERE r.id = l.id + $few AND ${\ $range->()} AND zaak_id <= 80 RETURNING r.id, l.id; ROLLBACK TO s",
			joined('stuk', "stuk_copy r WHERE shown AND ${\ $range->()} AND zaak_id <= 80 AND EXISTS (SELECT FROM lijst l WHERE r.id = l.id + $few)"), most('stuk', $range->())) },
	delete => sub { return ('exact', 'SAVEPOINT s;', "DELETE FROM stuk r WHERE ${\ $range->()} AND zaak_id <= 80 AND id % $mod = 0; ROLLBACK TO s", passed('stuk', "${\ $range->()} AND id % $mod = 0")) },
	delete_returning => sub { return ('exact', 'SAVEPOINT s;', "DELETE FROM stuk r WHERE id = $low RETURNING *; ROLLBACK TO s", passed('stuk', "id = $low")) },
	delete_using => sub { return ('upper', 'SAVEPOINT s;', "DELETE FROM stuk r USING zaak z WHERE z.id = r.zaak_id AND ${\ $range->()} AND z.id <= 80 RETURNING r.id, z.titel; ROLLBACK TO s",
			joined('stuk', "stuk_copy r WHERE shown AND ${\ $range->()}"), most('stuk', $range->()), most('zaak', 'id <= 80')) },
	merge => sub { return ('upper', 'SAVEPOINT s;', "MERGE INTO stuk r USING (SELECT id + $few AS id FROM lijst) l ON r.id = l.id AND ${\ $range->()} AND r.zaak_id <= 80 WHEN MATCHED AND r.id % 2 = 0 THEN UPDATE SET tekst = 'x' WHEN MATCHED THEN DELETE; ROLLBACK TO s",
			joined('stuk', "stuk_copy r WHERE shown AND ${\ $range->()} AND EXISTS (SELECT FROM lijst l WHERE r.id = l.id + $few)"), most('stuk', $range->())) },
	merge_source => sub { return ('upper', '', "CREATE TEMP TABLE IF NOT EXISTS doel (id integer); MERGE INTO doel d USING (SELECT id FROM stuk r WHERE ${\ $range->()}) s ON d.id = s.id WHEN NOT MATCHED THEN INSERT VALUES (s.id)", passed('stuk', $range->()), most('stuk', $range->())) },
	view => sub { return ('exact', '', "SELECT count(*), max(tekst) FROM stuk_view r WHERE ${\ $range->()}", passed('stuk', $range->())) },
	view_invoker => sub { return ('upper', '', "SELECT tekst, titel FROM stuk_own r WHERE ${\ $range->()}", passed('stuk', $range->()), most('stuk', $range->()), most('zaak', 'true')) },
	view_update => sub { return ('exact', 'SAVEPOINT s;', "UPDATE stuk_view r SET tekst = 'x' WHERE id = $low AND zaak_id <= 80 RETURNING tekst; ROLLBACK TO s", passed('stuk', "id = $low")) },
	view_delete => sub { return ('exact', 'SAVEPOINT s;', "DELETE FROM stuk_view r WHERE id = $low AND zaak_id <= 80; ROLLBACK TO s", passed('stuk', "id = $low")) },
	partitions => sub { return ('exact', '', "SELECT tekst FROM deel r WHERE ${\ $range->()} AND id % $mod = 0", passed('deel', "${\ $range->()} AND id % $mod = 0")) },
	partition_point => sub { return ('exact', '', "SELECT tekst FROM deel r WHERE id = $low", passed('deel', "id = $low")) },
	partition_delete => sub { return ('exact', 'SAVEPOINT s;', "DELETE FROM deel r WHERE ${\ $range->()} AND zaak_id <= 80 RETURNING id; ROLLBACK TO s", passed('deel', $range->())) },
	partition_update => sub { return ('exact', 'SAVEPOINT s;', "UPDATE deel r SET tekst = 'x' WHERE id = $low AND zaak_id <= 80 RETURNING id; ROLLBACK TO s", passed('deel', "id = $low")) },
	partition_join => sub { return ('upper', '', "SELECT d.tekst FROM deel d JOIN stuk r ON r.id = d.id WHERE ${\ $range->()}", passed('stuk', $range->()), most('stuk', $range->()), most('deel', 'true')) },
	copy => sub { return ('exact', '', "COPY (SELECT tekst FROM stuk r WHERE ${\ $range->()}) TO STDOUT", passed('stuk', $range->())) },
	parallel => sub { return ('exact', 'SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off;',
			"SELECT count(*), max(tekst) FROM stuk r WHERE ${\ $range->()}", passed('stuk', $range->())) },
	undone => sub { return ('exact', 'SAVEPOINT s;', "SELECT tekst FROM stuk r WHERE ${\ $range->()}; ROLLBACK TO s", passed('stuk', $range->())) },
	fails => sub { return ('upper', 'SAVEPOINT s;', "SELECT 1 / (id - $low) FROM stuk r WHERE id = $low; ROLLBACK TO s", passed('stuk', "id = $low"), most('stuk', "id = $low")) });

# ---- they are run, and the copy is asked ----

my (@queries, @script, @oracle);
for my $name (sort keys %template)
{
	for my $round (1 .. $rounds)
	{
		draw();
		my ($kind, $before, $sql, @expected) = $template{$name}->();
		my $number = @queries;
		push @queries, { name => $name, kind => $kind, sql => $sql, relations => [ map { $_->[0] } @expected ] };
		push @script, "BEGIN;\nSET LOCAL application_name = 'q$number';\nSELECT FROM casus.enter('intake');\n$before\n$sql;\nROLLBACK;\n";
		push @oracle, map { "SELECT $number, '$_->[0]', '" . ($_->[2] // 'least') . "', r.dossier, count(*) $_->[1] GROUP BY r.dossier" } @expected;
	}
}
my ($out, $err) = ('', '');
$node->psql('postgres', join('', @script), stdout => \$out, stderr => \$err, on_error_stop => 0, extra_params => [ '-U', 'coordinator' ]);
my @errors = grep { !/division by zero/ } $err =~ /ERROR:.*/g;
is_deeply(\@errors, [], 'the queries run');

my (%expected, %most);
for my $line (split /\n/, $node->safe_psql('postgres', join(";\n", @oracle)))
{
	my ($number, $relation, $bound, $dossier, $count) = split /\|/, $line;
	($bound eq 'most' ? \%most : \%expected)->{$number}{$relation}{$dossier} = $count;
}
my %logged;
for my $record (grep { $_->{kind} =~ /^(?:read|copy)$/ && ($_->{application} // '') =~ /^q\d+$/ && $_->{relation} } CasusTest::log_records($node))
{
	my ($relation) = $record->{relation} =~ /^public\.(\w+?)(?:_laag|_hoog)?$/;
	$logged{ substr $record->{application}, 1 }{$relation}{ $_->[0] } += $_->[1] for @{ $record->{dossiers} };
}

my %may = map { $_ => 1 } @shown;
my (%wrong, %count, $dossiers, $rows, $more);
$dossiers = $rows = $more = 0;
for my $number (0 .. $#queries)
{
	my $query = $queries[$number];
	my @found;
	for my $relation (qw(zaak stuk deel))
	{
		my $on_record = $logged{$number}{$relation} // {};
		my $told = $expected{$number}{$relation} // {};
		push @found, "$relation: dossier $_, which may not be seen" for grep { !$may{$_} } keys %$on_record;
		for my $dossier (keys %$told)
		{
			my $n = $on_record->{$dossier} // 0;
			push @found, "$relation: dossier $dossier: $n rows on record, $told->{$dossier} by the copy" if $query->{kind} eq 'exact' ? $n != $told->{$dossier} : $n < $told->{$dossier};
		}
		my $limit = $query->{kind} eq 'exact' ? $told : $most{$number}{$relation} // {};
		for my $dossier (keys %$on_record)
		{
			my $n = $limit->{$dossier} // 0;
			push @found, "$relation: dossier $dossier: $on_record->{$dossier} rows on record, at most $n by the copy" if $on_record->{$dossier} > $n;
		}
		$dossiers += keys %$told;
		$rows += $_ for values %$told;
		$more += $_ for values %$on_record;
	}
	$count{ $query->{name} }++;
	$wrong{ $query->{name} } //= "$query->{sql}\n" . join "\n", @found[ 0 .. ($#found > 4 ? 4 : $#found) ] if @found;
}
for my $name (sort keys %template)
{
	my ($kind) = map { $_->{kind} } grep { $_->{name} eq $name } @queries;
	is($wrong{$name} // '', '', "$name ($kind): $count{$name} queries");
}
diag(sprintf 'counted: %d queries, %d of them exact: %d dossiers and %d rows by the copy, %d rows on record', scalar @queries, scalar(grep { $_->{kind} eq 'exact' } @queries), $dossiers, $rows, $more);
cmp_ok($rows, '>', 1000, 'rows were read');
is(CasusTest::log_damage($node), '', 'the log is whole');
$node->stop;
done_testing();

# ratio.awk
#		Samples in, one line out: the ratio of the medians of two arms, with a
#		bootstrap interval (95 %, fixed seed), beside the goal.
#
# Input: lines "measure<TAB>arm<TAB>value".  Variables: measure, over, under
# (the arms), goal (text), scale (factor on the numerator, default 1).

BEGIN { FS = "\t"; srand(1); if (scale == "") scale = 1 }

$1 == measure && $2 == over { a[na++] = $3 * scale }
$1 == measure && $2 == under { b[nb++] = $3 }

function sorted(x, n,	i, j, v)
{
	for (i = 1; i < n; i++)
	{
		v = x[i]
		for (j = i - 1; j >= 0 && x[j] > v; j--)
			x[j + 1] = x[j]
		x[j + 1] = v
	}
}

function median(x, n,	y, i)
{
	for (i = 0; i < n; i++)
		y[i] = x[i]
	sorted(y, n)
	return n % 2 ? y[(n - 1) / 2] : (y[n / 2 - 1] + y[n / 2]) / 2
}

function resampled(x, n,	y, i)
{
	for (i = 0; i < n; i++)
		y[i] = x[int(rand() * n)]
	return median(y, n)
}

END {
	if (na == 0 || nb == 0)
	{
		printf "%-44s %-22s %9s %9s   %-17s goal %s\n", label, over " / " under, "-", "-", "not measured", goal
		exit
	}
	for (i = 0; i < 1000; i++)
		r[i] = resampled(a, na) / resampled(b, nb)
	sorted(r, 1000)
	ma = median(a, na); mb = median(b, nb)
	printf "%-44s %10.5g / %-10.5g = %6.3f  [%.3f, %.3f]  goal %s\n", \
		label, ma, mb, ma / mb, r[25], r[974], goal
}

package duckdb

import (
	"fmt"
	"strings"
	"time"
)

// maxText is the longest text that concat and the like make, in bytes: DuckDB
// does not count the texts of a step, which may be 2,048 of them in a column.
const (
	maxText   = 8192
	maxSeries = 10_000 // moments of a sequence
	maxSeen   = 2000   // of a series that is interpolated: each is looked up among the others
)

// functions makes the functions of a selection: those of the dialect that
// DuckDB lacks or means otherwise, and those that make long texts, with a limit.
// What stands in temp is found before DuckDB's own, which are in system.main.
func functions(now time.Time) string {
	at := "TIMESTAMP '" + now.UTC().Format("2006-01-02 15:04:05.000000") + "'"
	var b strings.Builder
	b.WriteString(strings.ReplaceAll(strings.ReplaceAll(timeFunctions, "NOW", at), "FLOOR", "TIMESTAMP '1970-01-01'"))
	fmt.Fprintf(&b, seriesFunctions, maxSeries, maxSeen)
	b.WriteString(textFunctions())
	return b.String()
}

const timeFunctions = `
CREATE TEMP MACRO now() AS NOW;
CREATE TEMP MACRO get_current_timestamp() AS NOW;
CREATE TEMP MACRO current_localtimestamp() AS NOW;
CREATE TEMP MACRO current_date() AS CAST(NOW AS DATE);
CREATE TEMP MACRO today() AS CAST(NOW AS DATE);
CREATE TEMP MACRO age(a) AS system.main.age(CAST(NOW AS TIMESTAMP), CAST(a AS TIMESTAMP)), (a, b) AS system.main.age(CAST(a AS TIMESTAMP), CAST(b AS TIMESTAMP));
CREATE TEMP MACRO ago(d) AS NOW - d;
CREATE TEMP MACRO bin(t, d) AS system.main.time_bucket(d, CAST(t AS TIMESTAMP), FLOOR);
CREATE TEMP MACRO date_trunc(u, t) AS CAST(system.main.date_trunc(u, CAST(t AS TIMESTAMP)) AS TIMESTAMP);
CREATE TEMP MACRO date_add(u, n, t) AS CAST(t AS TIMESTAMP) + CASE lower(u)
	WHEN 'nanosecond' THEN to_microseconds(CAST(n AS BIGINT) // 1000) WHEN 'ns' THEN to_microseconds(CAST(n AS BIGINT) // 1000)
	WHEN 'microsecond' THEN to_microseconds(CAST(n AS BIGINT)) WHEN 'us' THEN to_microseconds(CAST(n AS BIGINT))
	WHEN 'millisecond' THEN system.main.to_milliseconds(CAST(n AS BIGINT)) WHEN 'ms' THEN system.main.to_milliseconds(CAST(n AS BIGINT))
	WHEN 'second' THEN to_seconds(CAST(n AS BIGINT)) WHEN 's' THEN to_seconds(CAST(n AS BIGINT))
	WHEN 'minute' THEN to_minutes(CAST(n AS BIGINT)) WHEN 'm' THEN to_minutes(CAST(n AS BIGINT))
	WHEN 'hour' THEN to_hours(CAST(n AS BIGINT)) WHEN 'h' THEN to_hours(CAST(n AS BIGINT))
	WHEN 'day' THEN to_days(CAST(n AS INTEGER)) WHEN 'd' THEN to_days(CAST(n AS INTEGER))
	WHEN 'week' THEN to_days(CAST(n AS INTEGER) * 7) WHEN 'w' THEN to_days(CAST(n AS INTEGER) * 7)
	WHEN 'month' THEN to_months(CAST(n AS INTEGER)) WHEN 'mo' THEN to_months(CAST(n AS INTEGER))
	WHEN 'quarter' THEN to_months(CAST(n AS INTEGER) * 3)
	WHEN 'year' THEN to_years(CAST(n AS INTEGER)) WHEN 'y' THEN to_years(CAST(n AS INTEGER))
	ELSE error('date_add: the unit is one of millisecond, second, minute, hour, day, week, month, quarter, year') END;
CREATE TEMP MACRO date_diff(u, a, b) AS system.main.date_sub(u, CAST(a AS TIMESTAMP), CAST(b AS TIMESTAMP));
CREATE TEMP MACRO to_milliseconds(x) AS system.main.epoch_ms(x);
CREATE TEMP MACRO from_milliseconds(n) AS make_timestamp(CAST(n AS BIGINT) * 1000);
CREATE TEMP MACRO from_unixtime(n) AS make_timestamp(CAST(n * 1000000 AS BIGINT));
CREATE TEMP MACRO to_unixtime(t) AS epoch(CAST(t AS TIMESTAMP));
CREATE TEMP MACRO to_timestamp(n) AS make_timestamp(CAST(n * 1000000 AS BIGINT));
CREATE TEMP MACRO from_iso8601_timestamp(s) AS CAST(CAST(s AS TIMESTAMPTZ) AS TIMESTAMP);
CREATE TEMP MACRO from_iso8601_date(s) AS CAST(s AS DATE);
CREATE TEMP MACRO to_iso8601(t) AS system.main.strftime(CAST(t AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%gZ');
CREATE TEMP MACRO parse_duration(s) AS CAST(s AS INTERVAL);
`

// Series are lists of {time, value}. What is interpolated is NULL outside of the series.
const seriesFunctions = `
CREATE TEMP MACRO sequence(a, b, d) AS CASE WHEN system.main.epoch(b - a) > %[1]d * system.main.epoch(d) OR d = INTERVAL 0 SECOND THEN error('sequence: more than %[1]d moments: make the step longer') ELSE system.main.generate_series(a, b, d) END;
CREATE TEMP MACRO create_time_series(t, v) AS system.main.list({'time': t, 'value': v} ORDER BY t);
CREATE TEMP MACRO cardinality(l) AS len(l);
CREATE TEMP MACRO "footfall series"(s, ts) AS CASE WHEN len(s) > %[2]d OR len(ts) > %[2]d THEN error('a series that is interpolated has %[2]d moments at most: make the bins longer') ELSE s END;
CREATE TEMP MACRO interpolate_fill(s, ts, v) AS list_transform(ts, lambda q: {'time': q, 'value': coalesce(list_filter("footfall series"(s, ts), lambda p: p.time = q)[1].value, v)});
CREATE TEMP MACRO interpolate_locf(s, ts) AS list_transform(ts, lambda q: {'time': q, 'value': list_filter("footfall series"(s, ts), lambda p: p.time <= q)[-1].value});
CREATE TEMP MACRO "footfall line"(a, b, q) AS CASE WHEN b.time = a.time THEN CAST(a.value AS DOUBLE)
	ELSE a.value + (b.value - a.value) * (epoch_ms(q) - epoch_ms(a.time)) / CAST(epoch_ms(b.time) - epoch_ms(a.time) AS DOUBLE) END;
CREATE TEMP MACRO interpolate_linear(s, ts) AS list_transform(ts, lambda q: {'time': q, 'value':
	"footfall line"(list_filter("footfall series"(s, ts), lambda p: p.time <= q)[-1], list_filter(s, lambda p: p.time >= q)[1], q)});
`

// textFunctions are those whose texts may be longer than what they are made of.
func textFunctions() string {
	var b strings.Builder
	// grows says by how many bytes at most, of parameters.
	limited := func(name string, grows func(parameters []string) string, lists ...string) {
		var calls []string
		for _, list := range lists {
			calls = append(calls, fmt.Sprintf("(%s) AS CASE WHEN %s > %d THEN error('%s: the text is longer than %[3]d bytes') ELSE system.main.\"%[4]s\"(%[1]s) END",
				list, grows(strings.Split(list, ", ")), maxText, name))
		}
		fmt.Fprintf(&b, "CREATE TEMP MACRO \"%s\"%s;\n", name, strings.Join(calls, ", "))
	}
	length := func(p string) string { return "coalesce(strlen(CAST(" + p + " AS VARCHAR)), 0)" }
	sum := func(parameters []string) string {
		var all []string
		for _, p := range parameters {
			all = append(all, length(p))
		}
		return strings.Join(all, " + ")
	}
	always := func(text string) func([]string) string { return func([]string) string { return text } }
	limited("||", sum, "a, b")
	limited("concat", sum, "a", "a, b", "a, b, c", "a, b, c, d", "a, b, c, d, e", "a, b, c, d, e, f")
	limited("concat_ws", func(parameters []string) string {
		return fmt.Sprintf("%d * %s + %s", len(parameters), length("a"), sum(parameters))
	}, "a, b", "a, b, c", "a, b, c, d", "a, b, c, d, e", "a, b, c, d, e, f")
	limited("repeat", always("strlen(CAST(a AS VARCHAR)) * CAST(n AS HUGEINT)"), "a, n")
	limited("lpad", always("n"), "a, n, c")
	limited("rpad", always("n"), "a, n, c")
	limited("replace", always("CASE WHEN strlen(r) <= strlen(f) THEN 0 ELSE (strlen(s) + 1) * CAST(strlen(r) AS HUGEINT) END"), "s, f, r")
	const growth = "(strlen(s) + 1) * CAST(strlen(r) AS HUGEINT)"
	fmt.Fprintf(&b, "CREATE TEMP MACRO regexp_replace(s, f, r) AS CASE WHEN %s > %d THEN error('regexp_replace: the text is longer than %[2]d bytes') ELSE system.main.regexp_replace(s, f, r, 'g') END;\n", growth, maxText) // all of them, as the dialect has it
	return b.String()
}

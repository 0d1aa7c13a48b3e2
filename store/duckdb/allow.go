package duckdb

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"footfall/store"
)

// What a query may be made of: everything that is not listed is refused, so that
// a newer DuckDB lets nobody do more.
var (
	classes = words(`BETWEEN CASE CAST COLUMN_REF COMPARISON CONJUNCTION CONSTANT FUNCTION LAMBDA OPERATOR PARAMETER POSITIONAL_REFERENCE STAR SUBQUERY WINDOW`)
	// kinds are types of what is no expression: nodes of queries, tables, modifiers.
	kinds = words(`SELECT_NODE SET_OPERATION_NODE RECURSIVE_CTE_NODE CTE_NODE
		BASE_TABLE SUBQUERY JOIN TABLE_FUNCTION EXPRESSION_LIST EMPTY PIVOT
		LIMIT_MODIFIER LIMIT_PERCENT_MODIFIER ORDER_MODIFIER DISTINCT_MODIFIER ORDER_DEFAULT ASCENDING DESCENDING INVALID`)
	tableFunctions = words(`unnest range generate_series`)
	// generated are names that the parser itself puts main before.
	generated = words(`list_value struct_pack row map date_part substring overlay position trim ltrim rtrim ilike_escape like_escape not_like_escape not_ilike_escape list_slice`)
	known     = words(`+ - * / // % ** ^ || & | << >> ~~ ~~* !~~ !~~* ~~~ ilike_escape like_escape not_like_escape not_ilike_escape
		abs acos asin atan atan2 cbrt ceil ceiling cos cot degrees even exp floor ln log log10 log2 mod pi pow power radians round sign sin sqrt tan trunc greatest least
		isnan isinf isfinite random
		ascii chr concat concat_ws contains ends_with starts_with prefix suffix instr strpos position left right length len char_length character_length strlen lower lcase upper ucase
		ltrim rtrim trim lpad rpad repeat replace reverse regexp_extract regexp_full_match regexp_like regexp_matches regexp_replace split_part substr substring md5 sha256 translate nullif ifnull coalesce if
		now ago bin date_trunc date_add date_diff date_sub date_part datepart time_bucket current_timestamp get_current_timestamp current_date current_localtimestamp today
		year month day hour minute second millisecond microsecond quarter week weekofyear isodow dayofweek day_of_week dow dayofmonth day_of_month dayofyear day_of_year doy yearweek epoch epoch_ms to_timestamp make_date make_timestamp
		last_day monthname dayname strftime strptime try_strptime age date timestamp
		to_years to_months to_weeks to_days to_hours to_minutes to_seconds to_milliseconds to_microseconds to_nanoseconds from_milliseconds from_iso8601_timestamp from_iso8601_date to_iso8601 parse_duration from_unixtime to_unixtime
		sequence create_time_series interpolate_linear interpolate_locf interpolate_fill unnest cardinality
		list_value list_contains array_contains list_extract array_extract element_at list_sort list_distinct list_min list_max list_sum list_avg array_length struct_pack struct_extract row map map_keys map_values
		json_extract json_extract_string json_extract_path json_extract_path_text json_type json_valid json_array_length -> ->>
		count count_star count_if countif sum avg mean min max stddev stddev_pop stddev_samp variance var_pop var_samp median mode mad quantile quantile_cont quantile_disc approx_quantile approx_count_distinct
		max_by min_by arg_max arg_min any_value arbitrary first last bool_and bool_or every list array_agg string_agg group_concat listagg corr covar_pop covar_samp regr_slope regr_intercept regr_r2 skewness kurtosis entropy histogram product fsum sumkahan bit_and bit_or bit_xor
		row_number rank dense_rank rank_dense percent_rank cume_dist ntile lag lead first_value last_value nth_value
		typeof hash grouping`)
	// growing make texts that are longer than what they are made of.
	growing = words(`|| concat concat_ws replace repeat lpad rpad regexp_replace translate strftime list array_agg string_agg group_concat listagg create_time_series sequence histogram`)
)

// Limits of a query's tree. Each step of a query handles 2,048 rows at a time,
// and the limit of a text that is made here is maxText.
const (
	maxGrowing   = 20
	maxFunctions = 400
	maxNodes     = 20_000
)

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func words(list string) map[string]bool {
	all := map[string]bool{}
	for _, w := range strings.Fields(list) {
		all[w] = true
	}
	return all
}

func refused(at int, why string) error { return &store.SelectError{At: at, Why: why} }

// check reads the query's parse tree and refuses what is not allowed. It returns
// the names of the tables that are asked for, in small letters.
func (p *selection) check(ctx context.Context) (names []string, err error) {
	text, err := p.tree(ctx)
	if err != nil {
		return nil, err
	}
	var tree struct {
		Error      bool              `json:"error"`
		Message    string            `json:"error_message"`
		Position   string            `json:"position"`
		Statements []json.RawMessage `json:"statements"`
	}
	if err := json.Unmarshal([]byte(text), &tree); err != nil {
		return nil, refused(-1, "a number in the query is too large to be read")
	}
	switch {
	case tree.Error && strings.HasPrefix(tree.Message, "Only SELECT"):
		return nil, refused(-1, "only one SELECT can be asked; what changes anything is refused")
	case tree.Error:
		at, err := strconv.Atoi(tree.Position)
		if err != nil {
			at = -1
		}
		return nil, refused(at, own(tree.Message))
	case len(tree.Statements) != 1:
		return nil, refused(-1, fmt.Sprintf("these are %d statements: ask one SELECT", len(tree.Statements)))
	}
	var statement any
	if err := json.Unmarshal(tree.Statements[0], &statement); err != nil {
		return nil, err
	}
	taken, err := p.taken(ctx)
	if err != nil {
		return nil, err
	}
	w := &walk{taken: taken, own: map[string]bool{}, parameters: p.Parameters}
	if err := w.common(statement); err != nil {
		return nil, err
	}
	if err := w.visit(statement); err != nil {
		return nil, err
	}
	return w.names, wide(statement)
}

// tree is the query's parse tree, as DuckDB writes it.
func (p *selection) tree(ctx context.Context) (string, error) {
	var text string
	err := p.one(ctx, "SELECT json_serialize_sql(?::VARCHAR)::VARCHAR", []driver.NamedValue{{Ordinal: 1, Value: p.Query}}, func(v driver.Value) { text, _ = v.(string) })
	return text, err
}

// taken are the names that DuckDB's catalogue has. A WITH may not define one of
// them: in its own text the name would still be the catalogue's.
func (p *selection) taken(ctx context.Context) (map[string]bool, error) {
	taken := map[string]bool{}
	err := p.one(ctx, "SELECT lower(table_name) FROM duckdb_tables() UNION ALL SELECT lower(view_name) FROM duckdb_views()", nil,
		func(v driver.Value) { taken[v.(string)] = true })
	return taken, err
}

// one hands over the values of a query's only column.
func (p *selection) one(ctx context.Context, query string, args []driver.NamedValue, fn func(driver.Value)) error {
	rows, err := p.conn.(driver.QueryerContext).QueryContext(ctx, query, args)
	if err != nil {
		return err
	}
	defer rows.Close()
	for row := make([]driver.Value, 1); rows.Next(row) == nil; {
		fn(row[0])
	}
	return ctx.Err()
}

// walk goes over a parse tree.
type walk struct {
	taken, own                 map[string]bool // names of the catalogue, and of WITH
	names                      []string
	nodes, functions, growings int
	parameters                 map[string]any
}

// object is a node of the tree.
type object map[string]any

func (o object) text(key string) string { s, _ := o[key].(string); return s }

// at is where the node stands in the query; -1 if it is not known.
func (o object) at() int {
	if n, ok := o["query_location"].(float64); ok && n < MaxSelect {
		return int(n)
	}
	return -1
}

// common gathers the names that WITH defines. They may be used everywhere: as
// they are nobody else's, out of place they are nothing.
func (w *walk) common(node any) error {
	switch n := node.(type) {
	case []any:
		for _, child := range n {
			if err := w.common(child); err != nil {
				return err
			}
		}
	case map[string]any:
		ctes, _ := object(n)["cte_map"].(map[string]any)
		list, _ := ctes["map"].([]any)
		for _, one := range list {
			entry, _ := one.(map[string]any)
			text := object(entry).text("key")
			folded := strings.ToLower(text)
			if !plainName.MatchString(text) || w.taken[folded] && !isTable(folded) {
				return refused(-1, fmt.Sprintf("WITH can't define %q: use another name, of letters, digits and _", text))
			}
			w.own[folded] = true
		}
		for key, child := range n {
			if key != "value" || object(n).text("class") != "CONSTANT" {
				if err := w.common(child); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func isTable(folded string) bool {
	return slices.ContainsFunc(store.Tables, func(t store.Table) bool { return strings.ToLower(t.Name) == folded })
}

func (w *walk) visit(node any) error {
	switch n := node.(type) {
	case []any:
		for _, child := range n {
			if err := w.visit(child); err != nil {
				return err
			}
		}
	case map[string]any:
		return w.object(n)
	}
	return nil
}

func (w *walk) object(o object) error {
	if w.nodes++; w.nodes > maxNodes {
		return refused(-1, "the query has too many parts: make it simpler")
	}
	var err error
	switch class, kind := o.text("class"), o.text("type"); {
	case class != "":
		err = w.expression(o, class)
	case kind != "":
		err = w.part(o, kind)
	}
	if err != nil {
		return err
	}
	for key, child := range o {
		if key == "type_info" || key == "cast_type" || key == "value" && o.text("class") == "CONSTANT" {
			continue // types, and what a text says, are no part of the tree
		}
		if err := w.visit(child); err != nil {
			return err
		}
	}
	return nil
}

// expression checks an expression.
func (w *walk) expression(o object, class string) error {
	switch {
	case !classes[class]:
		return refused(o.at(), fmt.Sprintf("%s can't be used here", strings.ToLower(class)))
	case class == "FUNCTION" || class == "WINDOW":
		return w.function(o)
	case class == "CAST":
		return castable(o)
	case class == "COLUMN_REF":
		path, _ := o["column_names"].([]any)
		if len(path) == 1 && slices.Contains([]string{"current_catalog", "current_schema", "current_user", "current_role", "session_user", "user", "current_database"}, strings.ToLower(fmt.Sprint(path[0]))) {
			return refused(o.at(), fmt.Sprintf("%s can't be used here", path[0]))
		}
	}
	return nil
}

// castable refuses types that are read from elsewhere, or have a zone.
func castable(o object) error {
	cast, _ := o["cast_type"].(map[string]any)
	id := object(cast).text("id")
	if !slices.Contains(strings.Fields("BOOLEAN TINYINT SMALLINT INTEGER BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UBIGINT UHUGEINT FLOAT DOUBLE DECIMAL VARCHAR DATE TIME TIMESTAMP TIMESTAMP_S TIMESTAMP_MS TIMESTAMP_NS INTERVAL UUID"), id) {
		return refused(o.at(), fmt.Sprintf("a value can't be cast to %s here; times are TIMESTAMP, in UTC", strings.ToLower(id)))
	}
	return nil
}

func (w *walk) function(o object) error {
	text := strings.ToLower(o.text("function_name"))
	schema := o.text("schema")
	switch {
	case text == "timezone": // which AT TIME ZONE becomes
		return refused(o.at(), "there is no AT TIME ZONE here: times are UTC; add what the zone is ahead, as in time + 2h")
	case o.text("catalog") != "" || schema != "" && (schema != "main" || !generated[text]):
		return refused(o.at(), fmt.Sprintf("write %s without a name before it", text))
	case !known[text]:
		return refused(o.at(), fmt.Sprintf("there is no function %s here; docs/sql.md lists those there are", text))
	}
	if w.functions++; w.functions > maxFunctions {
		return refused(o.at(), fmt.Sprintf("the query has more than %d functions and operators: make it simpler", maxFunctions))
	}
	if text == "strftime" && !short(o) {
		return refused(o.at(), "strftime needs a format that stands in the query, of at most 100 letters")
	}
	if err := w.pattern(o, text); err != nil {
		return err
	}
	if growing[text] {
		if w.growings++; w.growings > maxGrowing {
			return refused(o.at(), fmt.Sprintf("the query puts texts or lists together more than %d times: make it simpler", maxGrowing))
		}
	}
	return nil
}

// short reports whether the second argument is a short text that stands there.
func short(o object) bool {
	children, _ := o["children"].([]any)
	if len(children) != 2 {
		return false
	}
	format, _ := children[1].(map[string]any)
	value, _ := format["value"].(map[string]any)
	text, ok := value["value"].(string)
	return object(format).text("class") == "CONSTANT" && ok && len(text) <= 100
}

// part checks what is no expression: a table, a query, an order.
func (w *walk) part(o object, kind string) error {
	switch {
	case kind == "SHOW_REF":
		return refused(-1, "SUMMARIZE can't be used here; SHOW TABLES and DESCRIBE TABLE stand alone")
	case !kinds[kind]:
		return refused(o.at(), fmt.Sprintf("%s can't be used here", strings.ToLower(strings.ReplaceAll(kind, "_", " "))))
	case kind == "TABLE_FUNCTION":
		call, _ := o["function"].(map[string]any)
		if !tableFunctions[strings.ToLower(object(call).text("function_name"))] || object(call).text("schema") != "" || object(call).text("catalog") != "" {
			return w.unknown(o, object(call).text("function_name"))
		}
		delete(o, "function") // as an expression it is not allowed
		return w.visit(call["children"])
	case kind == "PIVOT" && o.text("pivot_enum") != "":
		return refused(o.at(), "PIVOT needs the values: ON column IN (…)")
	case kind == "BASE_TABLE":
		folded := strings.ToLower(o.text("table_name"))
		if o.text("catalog_name") != "" || o.text("schema_name") != "" || o["at_clause"] != nil || !isTable(folded) && !w.own[folded] {
			return w.unknown(o, o.text("table_name"))
		}
		if isTable(folded) && !slices.Contains(w.names, folded) {
			w.names = append(w.names, folded)
		}
	}
	return nil
}

func (w *walk) unknown(o object, text string) error {
	var names []string
	for _, t := range store.Tables {
		names = append(names, t.Name)
	}
	return refused(o.at(), fmt.Sprintf("there is no table %.60q: use %s", text, strings.Join(names, ", ")))
}

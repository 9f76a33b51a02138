package compare

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oasdiff/oasdiff/checker"
	"github.com/oasdiff/oasdiff/diff"
	"github.com/oasdiff/oasdiff/load"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// judge gives each difference its class.
func judge(differences []*difference) (err error) {
	defer spec.Guard(&err, "comparing the documents")
	var open []*difference
	for _, d := range differences {
		if !d.decide() {
			open = append(open, d)
		}
	}
	findings, err := check(open)
	if err != nil {
		return fmt.Errorf("oasdiff cannot compare the documents: %w", err)
	}
	for i, d := range open {
		d.judged(findings["/"+strconv.Itoa(i)])
	}
	for _, d := range differences {
		if d.class == Compatible && d.refused() {
			d.class, d.meaning = Breaking, "The contract check refuses the example of the old text."
		}
	}
	return nil
}

// accepts reports whether a value is valid by a schema in normal form.
func accepts(schema, value any) bool {
	var s openapi3.Schema
	return json.Unmarshal([]byte(spec.JSON(published(schema, spec.Fields))), &s) == nil && s.VisitJSON(value) == nil
}

// check asks oasdiff about the differences, all at once: each has a path of its
// own, by its index, in a pair of documents.
func check(differences []*difference) (map[string][]checker.Change, error) {
	before, after := spec.Object{}, spec.Object{}
	for i, d := range differences {
		_, method := address(d.op)
		before["/"+strconv.Itoa(i)] = spec.Object{method: d.operation(d.before)}
		after["/"+strconv.Itoa(i)] = spec.Object{method: d.operation(d.after)}
	}
	x, refused := loaded(before)
	y, err := loaded(after)
	if err = cmp.Or(refused, err); err != nil {
		return nil, err
	}
	rules := diff.NewConfig(diff.WithExcludeElements([]string{diff.ExcludeEndpointsOption}))
	rules.IncludePathParams = true // paths are found by name: else the time is quadratic in their number
	report, sources, err := diff.GetWithOperationsSourcesMap(rules, x, y)
	if err != nil {
		return nil, err
	}
	findings := map[string][]checker.Change{}
	config := checker.NewConfig(checker.GetAllChecks())
	for _, finding := range checker.CheckBackwardCompatibilityUntilLevel(config, report, sources, checker.INFO) {
		findings[finding.GetPath()] = append(findings[finding.GetPath()], finding)
	}
	return findings, nil
}

func loaded(paths spec.Object) (*load.SpecInfo, error) {
	data, err := spec.Encode(spec.Object{
		"openapi": "3.0.3", "info": spec.Object{"title": "differences", "version": "1"}, "paths": paths,
	})
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(data)
	return &load.SpecInfo{Spec: doc}, err
}

// operation returns an operation with what holds the difference, as it was before,
// with value in its place, and nothing else. A schema becomes a member of a body,
// wherever it stands: the checker looks closest there.
func (d *difference) operation(value any) spec.Object {
	path := d.path
	op := spec.Object{}
	for key, v := range spec.Child(valueAt(d.pair.before.operations[d.op], path)) {
		if _, isList := v.([]any); d.at() == spec.Fields && spec.Child(v) == nil && !isList {
			op[key] = v
		}
	}
	op[d.key] = value
	if d.in("properties") || d.in("required") {
		op = spec.Object{"properties": spec.Object{d.key: spec.Object{}}, path[len(path)-1]: op}
	}
	if slices.Contains(path, "schema") {
		op = spec.Object{"type": "object", "properties": spec.Object{"value": op}}
		path = []string{"responses", "200", "content", "application/json", "schema"}
		if d.request() {
			path = []string{"requestBody", "content", "application/json", "schema"}
		}
	}
	for _, key := range slices.Backward(path) {
		op = spec.Object{key: op}
	}
	op = spec.Child(published(op, spec.Fields))
	for _, response := range spec.Child(op, "responses") {
		spec.Child(response)["description"] = ""
	}
	if op["responses"] == nil {
		op["responses"] = spec.Object{}
	}
	return op
}

// published returns what a value in normal form says about requests and responses
// in the way of OpenAPI, with lists for the sets of names.
func published(v any, place spec.Place) any {
	switch v := v.(type) {
	case spec.Object:
		out := make(spec.Object, len(v))
		for key, value := range v {
			if value == nil || place == spec.Fields && (isProse(key) || key == "deprecated" || key == "security") {
				continue
			}
			out[key] = published(value, child(place, key))
			set := spec.Child(out, key)
			if place != spec.Fields || set == nil || key != "required" && key != "parameters" {
				continue
			}
			list := []any{}
			for name, member := range spec.Children(set) {
				if member == true {
					member = name
				}
				list = append(list, member)
			}
			out[key] = list
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, value := range v {
			out[i] = published(value, place)
		}
		return out
	default:
		return v
	}
}

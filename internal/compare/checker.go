package compare

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oasdiff/oasdiff/checker"
	"github.com/oasdiff/oasdiff/diff"
	"github.com/oasdiff/oasdiff/load"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

func classify(differences []*difference) (err error) {
	defer spec.Guard(&err, "comparing the documents")
	var open []*difference
	for _, d := range differences {
		if !d.applyRule() {
			open = append(open, d)
		}
	}
	findings, err := check(open)
	if err != nil {
		return fmt.Errorf("oasdiff cannot compare the documents: %w", err)
	}
	for i, d := range open {
		d.setClassBy(findings["/"+strconv.Itoa(i)])
	}
	for _, d := range differences {
		if d.Class == Compatible && d.excludesExample() {
			d.Class, d.Meaning = Breaking, "The contract check refuses the example of the old text."
		}
	}
	return nil
}

// accepts reports whether a value is valid by a schema.
func accepts(schema *node, value any) bool {
	var s openapi3.Schema
	return json.Unmarshal([]byte(spec.JSON(schema.withoutDocumentation())), &s) == nil && s.VisitJSON(value) == nil
}

// check runs oasdiff on all differences at once: each has a path of its own, by its
// index, in a pair of documents.
func check(differences []*difference) (map[string][]checker.Change, error) {
	before, after := spec.Object{}, spec.Object{}
	for i, d := range differences {
		before["/"+strconv.Itoa(i)] = spec.Object{"post": d.operation(d.before)}
		after["/"+strconv.Itoa(i)] = spec.Object{"post": d.operation(d.after)}
	}
	x, refused := loaded(before)
	y, err := loaded(after)
	if err = cmp.Or(refused, err); err != nil {
		return nil, err
	}
	rules := diff.NewConfig(diff.WithExcludeElements([]string{diff.ExcludeEndpointsOption}))
	rules.IncludePathParams = true // match paths by name: otherwise the time is quadratic
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
	data := spec.JSON(spec.Object{
		"openapi": "3.0.3", "info": spec.Object{"title": "differences", "version": "1"}, "paths": paths,
	})
	doc, err := openapi3.NewLoader().LoadFromData([]byte(data))
	return &load.SpecInfo{Spec: doc}, err
}

// operation returns an operation that holds only n and, if n is a field, the other
// fields of its parent. A part of a schema is moved to a member of a JSON body, where
// the checker is strictest.
func (d *difference) operation(n *node) spec.Object {
	holder, list, path := spec.Object{}, []any{}, d.path[:len(d.path)-1]
	if n != nil {
		holder[d.key], list = n.withoutDocumentation(), append(list, n.withoutDocumentation())
	}
	var v any = holder
	switch {
	case d.in("parameters"):
		v = list
	case d.in("properties"):
		v = spec.Object{"properties": holder}
	case d.in("required"):
		if n != nil {
			list[0] = d.key
		}
		v = spec.Object{"properties": spec.Object{d.key: spec.Object{}}, "required": list}
	case d.holder.place == spec.Fields:
		whole := spec.Child(d.holder.withoutDocumentation())
		delete(whole, d.key)
		maps.Copy(holder, whole)
	}
	if slices.Contains(path, "schema") {
		v = spec.Object{"type": "object", "properties": spec.Object{"value": v}}
		path = []string{"responses", "200", "content", "application/json", "schema"}
		if d.request() {
			path = []string{"requestBody", "content", "application/json", "schema"}
		}
	}
	for i, key := range slices.Backward(path) {
		if i == 1 && path[0] == "parameters" {
			v = []any{v}
		} else {
			v = spec.Object{key: v}
		}
	}
	return spec.Child(v)
}

package compare

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oasdiff/oasdiff/checker"
	"github.com/oasdiff/oasdiff/diff"
	"github.com/oasdiff/oasdiff/load"

	"github.com/certuse/cloudflare-mtls/internal/specdoc"
)

// judge gives each difference its class.
func judge(differences []*difference) error {
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
	return nil
}

// check asks oasdiff about the differences, all at once: each has a path of its
// own, by its index, in a pair of documents.
func check(differences []*difference) (findings map[string][]checker.Change, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %.200v", cause)
		}
	}()
	before, after := specdoc.Object{}, specdoc.Object{}
	for i, d := range differences {
		method, _, _ := strings.Cut(strings.ToLower(d.op), " ")
		before["/"+strconv.Itoa(i)] = specdoc.Object{method: d.operation(d.before, d.required[0])}
		after["/"+strconv.Itoa(i)] = specdoc.Object{method: d.operation(d.after, d.required[1])}
	}
	x, err := loaded(before)
	if err != nil {
		return nil, err
	}
	y, err := loaded(after)
	if err != nil {
		return nil, err
	}
	report, sources, err := diff.GetWithOperationsSourcesMap(
		diff.NewConfig(diff.WithExcludeElements([]string{diff.ExcludeEndpointsOption})), x, y)
	if err != nil {
		return nil, err
	}
	findings = map[string][]checker.Change{}
	config := checker.NewConfig(checker.GetAllChecks())
	for _, finding := range checker.CheckBackwardCompatibilityUntilLevel(config, report, sources, checker.INFO) {
		findings[finding.GetPath()] = append(findings[finding.GetPath()], finding)
	}
	return findings, nil
}

func loaded(paths specdoc.Object) (*load.SpecInfo, error) {
	data, err := specdoc.Encode(specdoc.Object{
		"openapi": "3.0.3", "info": specdoc.Object{"title": "differences", "version": "1"}, "paths": paths,
	})
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(data)
	return &load.SpecInfo{Spec: doc}, err
}

// operation returns the old operation with value in the place of the difference,
// and without what does not matter to it. A schema becomes a member of a body,
// wherever it stands: the checker looks closest there.
func (d *difference) operation(value any, required bool) specdoc.Object {
	set := func(holder specdoc.Object) {
		switch {
		case d.together != nil:
			for _, field := range d.together {
				holder[field] = object(value)[field]
			}
			return
		case d.key == "properties" && required:
			holder["required"] = specdoc.Object{d.item: true}
			fallthrough
		case d.key == "properties":
			value = specdoc.Object{d.item: value}
		case d.item != "":
			holder["properties"] = specdoc.Object{d.item: specdoc.Object{}}
			value = specdoc.Object{d.item: value}
		}
		holder[d.key] = value
	}
	op, path := object(d.pair.before.operations, d.op), d.path
	if i := slices.Index(path, "schema") + 1; i > 0 {
		schema, _ := lookup(op, path[:i])
		body := specdoc.Object{"content": specdoc.Object{"application/json": specdoc.Object{"schema": specdoc.Object{
			"type": "object", "properties": specdoc.Object{"value": trimmed(object(schema), path[i:], specdoc.Fields, set)},
		}}}}
		if op = (specdoc.Object{"responses": specdoc.Object{"200": body}}); d.request() {
			op = specdoc.Object{"requestBody": body}
		}
	} else {
		op = trimmed(op, path, specdoc.Fields, set)
	}
	op, _ = published(op, specdoc.Fields).(specdoc.Object)
	for _, response := range object(op, "responses") {
		object(response)["description"] = ""
	}
	if op["responses"] == nil {
		op["responses"] = specdoc.Object{}
	}
	return op
}

// trimmed returns a copy of the object at a path with what leads to it. Of the
// objects on the way it keeps the scalars, and set changes the last one.
func trimmed(node specdoc.Object, path []string, at specdoc.Place, set func(specdoc.Object)) specdoc.Object {
	out := specdoc.Object{}
	for key, value := range node {
		if _, isList := value.([]any); at == specdoc.Fields && object(value) == nil && (!isList || key == "enum") {
			out[key] = value
		}
	}
	if len(path) == 0 {
		set(out)
		return out
	}
	key := path[0]
	if at == specdoc.Names && node[key] == nil {
		node = specdoc.Object{key: member([]string{"responses"}, node, key)}
	}
	if at == specdoc.Fields && key == "properties" && object(node, "required")[path[1]] != nil {
		out["required"] = specdoc.Object{path[1]: true}
	}
	out[key] = trimmed(object(node, key), path[1:], child(at, key), set)
	return out
}

// published returns what a value in normal form says about requests and responses
// in the way of OpenAPI, with lists for the sets of names.
func published(v any, place specdoc.Place) any {
	switch v := v.(type) {
	case specdoc.Object:
		out := make(specdoc.Object, len(v))
		for key, value := range v {
			if value == nil || place == specdoc.Fields && (isProse(key) || key == "deprecated" || key == "security") {
				continue
			}
			out[key] = published(value, child(place, key))
			set := object(out, key)
			if place != specdoc.Fields || set == nil || key != "required" && key != "parameters" {
				continue
			}
			list := []any{}
			for name := range keys(set, nil) {
				if set[name] == true {
					list = append(list, name)
				} else {
					list = append(list, set[name])
				}
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

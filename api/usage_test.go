package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/certuse/cloudflare-mtls/api"
)

const oneRow, twoRows = `[{"service":"a"}]`, `[{"service":"a"},{"service":"b"}]`

// Each response tests one rule.
func TestUsageFollowsTheResponse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		result, rest string
		truncated    bool
		usage        api.Usage
	}{
		"empty":                           {`[]`, ``, false, api.Unused},
		"empty with zero numbers":         {`[]`, `"result_info":{"count":0,"page":0,"per_page":0,"total_count":0,"total_pages":0}`, false, api.Unused},
		"empty first page":                {`[]`, `"result_info":{"count":0,"page":1,"per_page":20,"total_count":0,"total_pages":0}`, false, api.Unused},
		"empty, one page":                 {`[]`, `"result_info":{"total_pages":1}`, false, api.Unused},
		"empty page without totals":       {`[]`, `"result_info":{"page":1,"per_page":20}`, false, api.Unused},
		"empty with messages":             {`[]`, `"messages":[{"code":1,"message":"m"}]`, false, api.Unused},
		"empty with errors":               {`[]`, `"errors":[{"code":1,"message":"m"}]`, false, api.UsageUnknown},
		"rows with errors":                {oneRow, `"errors":[{"code":1,"message":"m"}]`, false, api.InUse},
		"count above rows":                {`[]`, `"result_info":{"count":1}`, true, api.UsageUnknown},
		"count equal to rows":             {oneRow, `"result_info":{"count":1}`, false, api.InUse},
		"count below rows":                {twoRows, `"result_info":{"count":1}`, false, api.InUse},
		"total_count above rows":          {`[]`, `"result_info":{"total_count":1}`, true, api.UsageUnknown},
		"total_pages above one":           {`[]`, `"result_info":{"total_pages":2}`, true, api.UsageUnknown},
		"page above one":                  {`[]`, `"result_info":{"page":2}`, true, api.UsageUnknown},
		"full page without totals":        {twoRows, `"result_info":{"per_page":2}`, true, api.InUse},
		"over-full page without totals":   {twoRows, `"result_info":{"per_page":1}`, true, api.InUse},
		"partial page without totals":     {twoRows, `"result_info":{"per_page":3}`, false, api.InUse},
		"full page with total_count":      {twoRows, `"result_info":{"per_page":2,"total_count":2}`, false, api.InUse},
		"full page with total_pages":      {twoRows, `"result_info":{"per_page":2,"total_pages":1}`, false, api.InUse},
		"cursor":                          {`[]`, `"result_info":{"cursor":"abc"}`, true, api.UsageUnknown},
		"empty cursor":                    {`[]`, `"result_info":{"cursor":""}`, false, api.Unused},
		"null cursor":                     {`[]`, `"result_info":{"cursor":null}`, false, api.Unused},
		"numeric cursor":                  {`[]`, `"result_info":{"cursor":7}`, true, api.UsageUnknown},
		"cursor beside the result":        {`[]`, `"cursor":"abc"`, true, api.UsageUnknown},
		"empty cursor beside the result":  {`[]`, `"cursor":""`, false, api.Unused},
		"next_cursor beside result_info":  {`[]`, `"next_cursor":"abc","result_info":{"count":0}`, true, api.UsageUnknown},
		"has_more, null result_info":      {`[]`, `"has_more":true,"result_info":null`, true, api.UsageUnknown},
		"next page":                       {`[]`, `"result_info":{"next_page":2}`, true, api.UsageUnknown},
		"next page token":                 {`[]`, `"result_info":{"next_page_token":"t"}`, true, api.UsageUnknown},
		"next as a list":                  {`[]`, `"next":["a"]`, true, api.UsageUnknown},
		"has_more":                        {`[]`, `"result_info":{"has_more":true}`, true, api.UsageUnknown},
		"has_more false, next empty":      {`[]`, `"result_info":{"has_more":false,"next_page":null,"next":{}}`, false, api.Unused},
		"cursors an empty list":           {`[]`, `"cursors":[]`, false, api.Unused},
		"has_more, in use":                {`[{}]`, `"has_more":true`, true, api.InUse},
		"cursors with a text":             {`[]`, `"result_info":{"cursors":{"after":"abc"}}`, true, api.UsageUnknown},
		"cursors with empty and a text":   {`[]`, `"cursors":{"a":[],"b":{"":{}},"c":{"d":"x"}}`, true, api.UsageUnknown},
		"cursors of empty lists":          {`[]`, `"cursors":{"a":[],"b":{"c":[]}}`, false, api.Unused},
		"cursors with a list":             {`[]`, `"cursors":{"a":[null]}`, true, api.UsageUnknown},
		"cursors of null and empty text":  {`[]`, `"result_info":{"cursors":{"after":"","before":null}}`, false, api.Unused},
		"negative count":                  {`[]`, `"result_info":{"count":-1}`, true, api.UsageUnknown},
		"negative page":                   {`[]`, `"result_info":{"page":-1}`, true, api.UsageUnknown},
		"negative per_page":               {`[]`, `"result_info":{"per_page":-1}`, true, api.UsageUnknown},
		"negative total_count":            {`[]`, `"result_info":{"total_count":-1}`, true, api.UsageUnknown},
		"negative total_pages":            {`[]`, `"result_info":{"total_pages":-1}`, true, api.UsageUnknown},
		"the documented example":          {oneRow, `"result_info":{"count":1,"page":1,"per_page":20,"total_count":2000,"total_pages":100}`, true, api.InUse},
		"truncated, with errors and rows": {oneRow, `"errors":[{"code":1,"message":"m"}],"result_info":{"count":9}`, true, api.InUse},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := `{"success":true,"result":` + c.result
			if c.rest != "" {
				body += "," + c.rest
			}
			list, err := associationsOf(t, response(200, body+"}"))
			if err != nil {
				t.Fatal(err)
			}
			if list.Truncated != c.truncated || list.Usage() != c.usage {
				t.Errorf("got truncated %t, %v; want %t, %v", list.Truncated, list.Usage(), c.truncated, c.usage)
			}
		})
	}
}

func TestUsageIsUnknownWithoutAResponse(t *testing.T) {
	t.Parallel()
	received, err := associationsOf(t, response(200, emptyBody))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(received)
	if err != nil {
		t.Fatal(err)
	}
	var copied api.AssociationList
	if err := json.Unmarshal(text, &copied); err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]api.Usage{
		"nil list":                 (*api.AssociationList)(nil).Usage(),
		"zero list":                new(api.AssociationList).Usage(),
		"empty list of the caller": (&api.AssociationList{Associations: []api.Association{}}).Usage(),
		"full list of the caller":  (&api.AssociationList{Associations: make([]api.Association, 1)}).Usage(),
		"list from JSON":           copied.Usage(),
		"zero result":              api.AuditResult{}.Usage(),
		"result with an error":     api.AuditResult{List: received, Err: api.ErrNotAsked}.Usage(),
		"zero usage":               api.Usage(0),
	} {
		if got != api.UsageUnknown {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestChangingAListNeverMakesItUnused(t *testing.T) {
	t.Parallel()
	used, err := associationsOf(t, response(200, inUseBody))
	if err != nil {
		t.Fatal(err)
	}
	used.Associations = nil
	if used.Usage() != api.InUse {
		t.Errorf("after removing the associations: %v", used.Usage())
	}
	for _, rest := range []string{`"errors":[{"code":1,"message":"m"}]`, `"result_info":{"total_count":1}`} {
		unsettled, err := associationsOf(t, response(200, `{"success":true,"result":[],`+rest+`}`))
		if err != nil {
			t.Fatal(err)
		}
		unsettled.Errors, unsettled.Truncated, unsettled.Info = nil, false, nil
		if unsettled.Usage() != api.UsageUnknown {
			t.Errorf("after removing %s: %v", rest, unsettled.Usage())
		}
	}
	for name, change := range map[string]func(*api.AssociationList){
		"truncated": func(l *api.AssociationList) { l.Truncated = true },
		"stale":     func(l *api.AssociationList) { l.Stale = true },
		"errors":    func(l *api.AssociationList) { l.Errors = make([]api.ErrorDetail, 1) },
		"rows":      func(l *api.AssociationList) { l.Associations = make([]api.Association, 1) },
		"info":      func(l *api.AssociationList) { l.Info = &api.ResultInfo{TotalCount: 1} },
		"JSON":      func(l *api.AssociationList) { _ = json.Unmarshal([]byte(`{"result":[]}`), l) },
		"bad JSON":  func(l *api.AssociationList) { _ = json.Unmarshal([]byte(`{"result":7}`), l) },
	} {
		list, err := associationsOf(t, response(200, emptyBody))
		if err != nil {
			t.Fatal(err)
		}
		change(list)
		if list.Usage() == api.Unused {
			t.Errorf("%s: still unused", name)
		}
	}
}

func TestUnmarshalReplacesTheWholeList(t *testing.T) {
	t.Parallel()
	for _, before := range []string{emptyBody, inUseBody} {
		list, err := associationsOf(t, response(200, before))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(`{"result":[{"service":"other","status":"active"}]}`), list); err != nil {
			t.Fatal(err)
		}
		if list.Usage() != api.UsageUnknown || len(list.Associations) != 1 || list.Associations[0].Service != "other" ||
			list.RayID != "" || list.Body != nil || !list.ReceivedAt.IsZero() {
			t.Errorf("got %v from %+v", list.Usage(), list)
		}
	}
}

func TestUsageIsEncodedAsText(t *testing.T) {
	t.Parallel()
	for usage, want := range map[api.Usage]string{
		api.UsageUnknown: "unknown", api.InUse: "in_use", api.Unused: "unused", api.Usage(7): "unknown", api.Usage(-1): "unknown",
	} {
		if got := fmt.Sprint(usage); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		text, err := json.Marshal(map[string]api.Usage{"usage": usage})
		if err != nil || string(text) != `{"usage":"`+want+`"}` {
			t.Errorf("got %s, %v", text, err)
		}
		var back struct{ Usage api.Usage }
		if err := json.Unmarshal(text, &back); err != nil || back.Usage.String() != want {
			t.Errorf("%s came back as %v, %v", text, back.Usage, err)
		}
	}
	var u api.Usage
	if err := u.UnmarshalText([]byte("Unused")); !errors.Is(err, api.ErrInvalidArgument) || u != api.UsageUnknown {
		t.Errorf("got %v, %v", u, err)
	}
}

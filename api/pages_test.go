package api_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/api"
)

// listResponse returns a response with these items; numbers is its result_info, absent
// if empty.
func listResponse(items []string, numbers string) *http.Response {
	if numbers != "" {
		numbers = `,"result_info":` + numbers
	}
	return response(200, `{"success":true,"errors":[],"messages":[],"result":[`+strings.Join(items, ",")+`]`+numbers+`}`)
}

// itemRange returns the items from first to last.
func itemRange(first, last int, item func(n int) string) (out []string) {
	for n := first; n <= last; n++ {
		out = append(out, item(n))
	}
	return out
}

// unreliablePages are responses that do not show whether an item is missing. Page 1 has
// 50 items. If it has a total_count, that is 60.
var unreliablePages = map[string]struct {
	first, second func(item func(int) string) *http.Response
}{
	"page 2 is empty and has no numbers":      {fullPage(info(1, 50, 60, 2)), partialPage(51, 50, "")},
	"page 2 is short and has no numbers":      {fullPage(info(1, 50, 60, 2)), partialPage(51, 55, "")},
	"page 2 is complete and has no numbers":   {fullPage(info(1, 50, 60, 2)), partialPage(51, 60, "")},
	"page 2 is empty and its totals are zero": {fullPage(info(1, 50, 60, 2)), partialPage(51, 50, info(2, 50, 0, 0))},
	"page 2 has its number only":              {fullPage(info(1, 50, 60, 2)), partialPage(51, 55, `{"page":2}`)},
	"a deletion between the pages":            {fullPage(info(1, 50, 60, 2)), partialPage(52, 60, info(2, 50, 59, 2))},
	"an addition between the pages":           {fullPage(info(1, 50, 60, 2)), partialPage(50, 60, info(2, 50, 61, 2))},
	"total_pages is smaller on page 2":        {fullPage(`{"page":1,"per_page":50,"total_pages":3}`), partialPage(51, 60, `{"page":2,"per_page":50,"total_pages":2}`)},
	"larger pages after the first":            {fullPage(`{"page":1,"per_page":50}`), partialPage(101, 110, `{"page":2,"per_page":100}`)},
	"page 2 without numbers after a full one": {fullPage(`{"page":1,"per_page":50}`), partialPage(51, 50, "")},
	"a full page without numbers":             {fullPage(""), nil},
	"a full page with empty numbers":          {fullPage(`{}`), nil},
	"a full page with its number and count":   {fullPage(`{"page":1,"count":50}`), nil},
}

func partialPage(first, last int, numbers string) func(func(int) string) *http.Response {
	return func(item func(int) string) *http.Response { return listResponse(itemRange(first, last, item), numbers) }
}

func fullPage(numbers string) func(func(int) string) *http.Response {
	return partialPage(1, 50, numbers)
}

func certificateJSON(n int) string {
	return fmt.Sprintf(`{"id":%q,"name":"c%d","type":"custom"}`, certificateID(n), n)
}

func zoneJSON(n int) string { return fmt.Sprintf(`{"id":%q,"name":"z%d.example"}`, zoneID(n), n) }

func projectJSON(name, certificateID string) string {
	binding := ""
	if certificateID != "" {
		binding = fmt.Sprintf(`"production":{"mtls_certificates":{"C":{"certificate_id":%q}}}`, certificateID)
	}
	return fmt.Sprintf(`{"name":%q,"deployment_configs":{%s}}`, name, binding)
}

func unboundProject(n int) string { return projectJSON(fmt.Sprint("p", n), "") }

func usageOf(items map[string]api.InventoryItem, id string) api.Usage {
	evidence := items[id].Evidence
	return evidence.Usage()
}

func TestPagesThatDoNotShowTheWholeListAreTruncated(t *testing.T) {
	t.Parallel()
	for name, tt := range unreliablePages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			serve := func(item func(int) string) *api.Client {
				server := &pageServer{pages: []*http.Response{tt.first(item)}}
				if tt.second != nil {
					server.pages = append(server.pages, tt.second(item))
				}
				return newClient(t, server)
			}
			wantSentinels(t, lastError(serve(certificateJSON).Certificates(t.Context(), account)), api.ErrTruncated)
			err := lastError(serve(zoneJSON).Zones(t.Context(), account))
			wantSentinels(t, err, api.ErrTruncated)
			if e := asError(t, err); e.StatusCode != 200 || e.RayID == "" || !strings.HasPrefix(e.Error(), "list zones: ") {
				t.Errorf("%+v", e)
			}
		})
	}
}

func TestUnreadZonesAndProjectsLeaveCertificatesUnknown(t *testing.T) {
	t.Parallel()
	for name, tt := range unreliablePages {
		for list, c := range map[string]struct {
			item func(int) string
			id   string // of a certificate without other uses
		}{"zones": {zoneJSON, certificateID(7)}, "pages": {unboundProject, certificateID(8)}} {
			t.Run(name+", "+list, func(t *testing.T) {
				t.Parallel()
				s := everySource()
				s.before = func(kind string, req *http.Request) (*http.Response, error) {
					switch {
					case kind != list:
						return nil, nil
					case req.URL.Query().Get("page") == "":
						return tt.first(c.item), nil
					case tt.second == nil:
						t.Error("a page too many was requested")
						return nil, errors.New("no such page")
					default:
						return tt.second(c.item), nil
					}
				}
				items, err := inventory(t, s)
				if usage := usageOf(items, c.id); err != nil || usage != api.UsageUnknown {
					t.Errorf("usage %v, error %v", usage, err)
				}
			})
		}
	}
}

func TestAListWithoutNumbersIsCompleteIfItIsShorterThanAPage(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]error{9: nil, 10: api.ErrTruncated} {
		if err := lastError(newClient(t, respondOnce(pageOf(1, n, ""))).Certificates(t.Context(), account)); !errors.Is(err, want) {
			t.Errorf("%d certificates: %v, want %v", n, err, want)
		}
		s := everySource()
		s.before = func(kind string, _ *http.Request) (*http.Response, error) {
			if kind != "pages" {
				return nil, nil
			}
			return partialPage(1, n, "")(unboundProject), nil
		}
		items, err := inventory(t, s)
		if usage := usageOf(items, certificateID(8)); err != nil || (usage == api.Unused) != (want == nil) {
			t.Errorf("%d projects: %v, %v", n, usage, err)
		}
	}
}

func TestAFilteredListIsCompleteAfterItsLastPage(t *testing.T) {
	t.Parallel()
	numbers := `{"page":1,"per_page":50,"count":1,"total_count":2000,"total_pages":1}`
	for name, opts := range map[string][]api.ListOption{"filtered": {api.WithTypes("custom")}, "all": nil} {
		err := lastError(newClient(t, respondOnce(pageOf(1, 1, numbers))).Certificates(t.Context(), account, opts...))
		if complete := err == nil; complete != (opts != nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAFullPageOfZonesWithoutATotalIsNotTheLast(t *testing.T) {
	t.Parallel()
	server := &pageServer{pages: []*http.Response{partialPage(1, 50, `{"page":1,"per_page":50}`)(zoneJSON), partialPage(51, 52, `{"page":2,"per_page":50}`)(zoneJSON)}}
	if err := lastError(newClient(t, server).Zones(t.Context(), account)); err != nil || len(server.queries) != 2 {
		t.Errorf("%v, queries %v", err, server.queries)
	}
	larger := respondOnce(partialPage(1, 50, `{"page":1,"per_page":100}`)(zoneJSON))
	wantSentinels(t, lastError(newClient(t, larger).Zones(t.Context(), account)), api.ErrTruncated)
}

func TestAFilteredListWithoutTotalPagesIsComparedWithItsTotalCount(t *testing.T) {
	t.Parallel()
	for total, want := range map[int]error{2: nil, 3: api.ErrTruncated} {
		list := listResponse([]string{certificateJSON(1), certificateJSON(2)}, fmt.Sprintf(`{"page":1,"count":2,"total_count":%d}`, total))
		server := &pageServer{pages: []*http.Response{list, listResponse(nil, fmt.Sprintf(`{"page":2,"total_count":%d}`, total))}}
		if err := lastError(newClient(t, server).Certificates(t.Context(), account, api.WithTypes("custom"))); !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("a total of %d: %v, want %v", total, err, want)
		}
	}
}

func TestAnotherTypeThanRequestedIsAnError(t *testing.T) {
	t.Parallel()
	for row, want := range map[string]error{
		certificateJSON(1):                    nil,
		`{"id":"a","type":"gateway_managed"}`: api.ErrUnexpectedResponse,
		`{"id":"a","type":"Custom"}`:          api.ErrUnexpectedResponse,
		`{"id":"a"}`:                          api.ErrUnexpectedResponse,
	} {
		list := listResponse([]string{certificateJSON(2), row}, info(1, 10, 2, 1))
		err := lastError(newClient(t, respondOnce(list)).Certificates(t.Context(), account, api.WithTypes("access_managed", "custom")))
		if (err == nil) != (want == nil) || !errors.Is(err, want) {
			t.Errorf("%s: %v", row, err)
		}
	}
}

func TestProjectsWithTheSameNameAreAllRead(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		projects []string
		numbers  string
		usage    api.Usage
	}{
		"the second one binds":       {[]string{projectJSON("a", ""), projectJSON("a", certificateID(8))}, info(1, 10, 2, 1), api.InUse},
		"the same one twice":         {[]string{projectJSON("a", ""), projectJSON("a", "")}, info(1, 10, 2, 1), api.UsageUnknown},
		"two without certificates":   {[]string{projectJSON("a", ""), projectJSON("b", "")}, info(1, 10, 2, 1), api.Unused},
		"the second one has no name": {[]string{projectJSON("a", ""), projectJSON("", certificateID(8))}, info(1, 10, 2, 1), api.InUse},
	} {
		s := everySource()
		s.faults = map[string]func() *http.Response{"/pages/projects": func() *http.Response { return listResponse(tt.projects, tt.numbers) }}
		items, err := inventory(t, s)
		if usage := usageOf(items, certificateID(8)); err != nil || usage != tt.usage {
			t.Errorf("%s: %v, want %v; %v", name, usage, tt.usage, err)
		}
	}
}

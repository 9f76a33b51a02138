package api_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/api"
)

func TestEverySourceIsReadAndNamesItsUses(t *testing.T) {
	t.Parallel()
	items, err := inventory(t, everySource())
	if err != nil || len(items) != 9 {
		t.Fatalf("%d items, %v", len(items), err)
	}
	for id, want := range map[string][]api.Use{
		certificateID(0): {{Source: api.SourceAssociations, Name: "access", Status: "active"}, {Source: api.SourceAssociations, Name: "gateway", Status: "active"}},
		certificateID(1): {{Source: api.SourceHostnames, Name: "api.example.com"}},
		certificateID(2): {{Source: api.SourceWorkers, Name: "checkout"}},
		certificateID(3): {{Source: api.SourcePages, Name: "shop"}},
		certificateID(4): {{Source: api.SourceHyperdrive, Name: "orders-db"}},
		certificateID(5): {{Source: api.SourceGateway, Name: "TLS inspection"}},
		certificateID(6): {{Source: api.SourcePosture, Name: "corp laptops"}},
		certificateID(7): nil, certificateID(8): nil,
	} {
		e := items[id].Evidence
		if diff := diffOf(want, e.Uses); diff != "" {
			t.Errorf("%s: %s", id, diff)
		}
		wantUsage := api.InUse
		if want == nil {
			wantUsage = api.Unused
		}
		if e.Usage() != wantUsage || len(e.Sources) != len(api.AllSources()) || e.GatheredAt.IsZero() {
			t.Errorf("%s: %v, %+v", id, e.Usage(), e)
		}
	}
	ca, leaf := items[certificateID(7)].Evidence, items[certificateID(8)].Evidence
	states := func(e api.Evidence) (out []string) {
		for _, r := range e.Sources {
			out = append(out, fmt.Sprintf("%s %s %s", r.Source, r.State, r.Scope))
		}
		return out
	}
	wantCA := []string{"associations complete services that the API reports", "hostnames complete hostnames of 3 zones", "workers not_applicable ", "pages not_applicable ",
		"hyperdrive complete 1 Hyperdrive configuration", "gateway complete Gateway configuration", "posture complete 1 device posture rule"}
	wantLeaf := []string{"associations complete services that the API reports", "hostnames not_applicable ", "workers complete current bindings of 2 Workers",
		"pages complete current bindings of 2 Pages projects", "hyperdrive complete 1 Hyperdrive configuration", "gateway complete Gateway configuration", "posture not_applicable "}
	if diff := diffOf([][]string{wantCA, wantLeaf}, [][]string{states(ca), states(leaf)}); diff != "" {
		t.Errorf("sources: %s", diff)
	}
}

// Each case has one fault, and lists the certificates whose usage is then unknown.
func TestFaultsMakeTheUsageUnknown(t *testing.T) {
	t.Parallel()
	const (
		ca, leaf = 7, 8 // certificates that no source names
	)
	for name, tt := range map[string]struct {
		path       string
		fault      func() *http.Response
		unknown    []int // certificates; the usage of all others is as without the fault
		permission string
	}{
		"Workers refused":             {"/workers/scripts?", refuse(403, 10000), []int{2, leaf}, "Account: Workers Scripts Read"},
		"one Worker refused":          {"/workers/scripts/static/", refuse(403, 10000), []int{leaf}, "Account: Workers Scripts Read"},
		"one Worker gone":             {"/workers/scripts/static/", refuse(404, 10007), []int{leaf}, ""},
		"a Worker without bindings":   {"/workers/scripts/static/", success(`{}`), []int{leaf}, ""},
		"a Worker with null bindings": {"/workers/scripts/static/", success(`{"bindings":null}`), []int{leaf}, ""},
		"bindings of another kind":    {"/workers/scripts/static/", success(`{"bindings":{}}`), []int{leaf}, ""},
		"a Worker's bindings in a refusal": {"/workers/scripts/static/", func() *http.Response {
			return response(200, `{"success":false,"errors":[],"result":{"bindings":[{"type":"mtls_certificate","certificate_id":"`+certificateID(leaf)+`"}]}}`)
		}, []int{leaf}, ""},
		"hostnames in a refusal": {zoneID(3) + "/certificate_authorities", func() *http.Response {
			return response(200, `{"result":{"hostnames":["api.example.com"]},"success":false,"errors":[]}`)
		}, []int{ca}, ""},
		"a binding without an id":         {"/workers/scripts/static/", success(`{"bindings":[{"type":"mtls_certificate","name":"C"}]}`), []int{leaf}, ""},
		"a binding without a type":        {"/workers/scripts/static/", success(`{"bindings":[{"name":"C"}]}`), []int{leaf}, ""},
		"a binding that is null":          {"/workers/scripts/static/", success(`{"bindings":[null]}`), []int{leaf}, ""},
		"a Worker without a name":         {"/workers/scripts?", success(`[{"id":"checkout"},{}]`), []int{leaf}, ""},
		"a Worker with a path for a name": {"/workers/scripts?", success(`[{"id":"checkout"},{"id":"../x"}]`), []int{leaf}, ""},
		"stale settings of a Worker": {"/workers/scripts/static/", func() *http.Response {
			return response(200, `{"success":true,"result":{"bindings":[]}}`, "Age", "9")
		}, []int{leaf}, ""},
		"settings with a cursor":     {"/workers/scripts/static/", success(`{"bindings":[]},"cursor":"x"`), []int{leaf}, ""},
		"stale hostnames of a zone":  {zoneID(3) + "/certificate_authorities", func() *http.Response { return response(200, `{"success":true,"result":{"hostnames":[]}}`, "Age", "9") }, []int{ca}, ""},
		"Gateway with a total count": {"/gateway/", success(`{"settings":{}},"messages":[],"result_info":{"total_count":1}`), []int{5, ca, leaf}, ""},
		"Gateway in a success with errors": {"/gateway/", func() *http.Response {
			return response(200, `{"success":true,"errors":[{"code":1}],"result":{"settings":{}}}`)
		}, []int{5, ca, leaf}, ""},
		"a configuration without a name":  {"/hyperdrive/", success(`[{"origin":{}}]`), []int{4, ca, leaf}, ""},
		"Pages refused":                   {"/pages/projects", refuse(403, 10000), []int{3, leaf}, "Account: Pages Read"},
		"a project without configs":       {"/pages/projects", success(`[{"name":"shop"}]`), []int{3, leaf}, ""},
		"a project with null configs":     {"/pages/projects", success(`[{"name":"shop","deployment_configs":null}]`), []int{3, leaf}, ""},
		"environments of another kind":    {"/pages/projects", success(`[{"name":"shop","deployment_configs":{"preview":[]}}]`), []int{3, leaf}, ""},
		"certificates of another kind":    {"/pages/projects", success(`[{"name":"shop","deployment_configs":{"preview":{"mtls_certificates":[]}}}]`), []int{3, leaf}, ""},
		"a project's binding without id":  {"/pages/projects", success(`[{"name":"shop","deployment_configs":{"preview":{"mtls_certificates":{"C":{}}}}}]`), []int{3, leaf}, ""},
		"Hyperdrive refused":              {"/hyperdrive/", refuse(403, 10000), []int{4, ca, leaf}, "Account: Hyperdrive Read"},
		"mtls of another kind":            {"/hyperdrive/", success(`[{"name":"a","mtls":"x"}]`), []int{4, ca, leaf}, ""},
		"a configuration without members": {"/hyperdrive/", success(`[{}]`), []int{4, ca, leaf}, ""},
		"Gateway fails":                   {"/gateway/", refuse(500, 1), []int{5, ca, leaf}, ""},
		"Gateway without settings":        {"/gateway/", success(`{}`), []int{5, ca, leaf}, ""},
		"settings of another kind":        {"/gateway/", success(`{"settings":[]}`), []int{5, ca, leaf}, ""},
		"an id with a space":              {"/workers/scripts/static/", success(`{"bindings":[{"type":"mtls_certificate","name":"C","certificate_id":" ` + certificateID(leaf) + `"}]}`), []int{leaf}, ""},
		"an id in braces":                 {"/pages/projects", success(`[{"name":"shop","deployment_configs":{"preview":{"mtls_certificates":{"C":{"certificate_id":"{` + certificateID(3) + `}"}}}}}]`), []int{3, leaf}, ""},
		"an id that is a URN":             {"/pages/projects", success(`[{"name":"shop","deployment_configs":{"preview":{"mtls_certificates":{"C":{"certificate_id":"urn:uuid:` + certificateID(3) + `"}}}}}]`), []int{3, leaf}, ""},
		"an id with a line end":           {"/hyperdrive/", success(`[{"name":"db","origin":{},"mtls":{"mtls_certificate_id":"` + certificateID(4) + `\n"}}]`), []int{4, ca, leaf}, ""},
		"an id that is a path":            {"/gateway/", success(`{"settings":{"certificate":{"id":"mtls/` + certificateID(5) + `"}}}`), []int{5, ca, leaf}, ""},
		"an id of a rule with a space":    {"/devices/posture", success(`[{"type":"client_certificate","input":{"certificate_id":" ` + certificateID(6) + `"}}]`), []int{6, ca}, ""},
		"in use without an id":            {"/gateway/", success(`{"settings":{"certificate":{"in_use":true}}}`), []int{5, ca, leaf}, ""},
		"enabled without an id":           {"/gateway/", success(`{"settings":{"custom_certificate":{"enabled":true,"id":""}}}`), []int{5, ca, leaf}, ""},
		"a certificate without members":   {"/gateway/", success(`{"settings":{"certificate":{}}}`), []int{5, ca, leaf}, ""},
		"a null enabled":                  {"/gateway/", success(`{"settings":{"custom_certificate":{"enabled":null}}}`), []int{5, ca, leaf}, ""},
		"an empty id without in_use":      {"/gateway/", success(`{"settings":{"certificate":{"id":"","binding_status":"active"}}}`), []int{5, ca, leaf}, ""},
		"enabled, but not in use":         {"/gateway/", success(`{"settings":{"certificate":{"in_use":false,"enabled":true}}}`), []int{5, ca, leaf}, ""},
		"in_use of another kind":          {"/gateway/", success(`{"settings":{"certificate":{"in_use":"yes"}}}`), []int{5, ca, leaf}, ""},
		"posture refused":                 {"/devices/posture", refuse(403, 10000), []int{6, ca}, "Account: Zero Trust Read"},
		"a rule without input":            {"/devices/posture", success(`[{"type":"client_certificate_v2"}]`), []int{6, ca}, ""},
		"a rule without an id":            {"/devices/posture", success(`[{"type":"client_certificate","input":{}}]`), []int{6, ca}, ""},
		"a rule without a type":           {"/devices/posture", success(`[{"input":{}}]`), []int{6, ca}, ""},
		"zones refused":                   {"/zones?", refuse(403, 10000), []int{1, ca}, "Zone: Zone Read"},
		"no zone seen":                    {"/zones?", success(`[]`), []int{1, ca}, "Zone: Zone Read"},
		"a zone without an id":            {"/zones?", success(`[{"name":"x"}]`), []int{1, ca}, ""},
		"a zone refused":                  {zoneID(3) + "/certificate_authorities", refuse(403, 10000), []int{ca}, "Zone: SSL and Certificates Read"},
		"a zone without hostnames":        {zoneID(3) + "/certificate_authorities", success(`{}`), []int{ca}, ""},
		"associations fail for one":       {certificateID(leaf) + "/associations", refuse(500, 1), []int{leaf}, ""},
		"associations truncated": {certificateID(leaf) + "/associations", func() *http.Response {
			return response(200, `{"success":true,"result":[],"result_info":{"total_count":1}}`)
		}, []int{leaf}, ""},
		"associations from a cache": {certificateID(leaf) + "/associations", func() *http.Response { return response(200, emptyBody, "Age", "9") }, []int{leaf}, ""},
		"an HTML page of the edge":  {"/hyperdrive/", func() *http.Response { return response(403, "<html>", "Content-Type", "text/html") }, []int{4, ca, leaf}, ""},
		"a success with errors":     {"/hyperdrive/", func() *http.Response { return response(200, `{"success":true,"errors":[{"code":1}],"result":[]}`) }, []int{4, ca, leaf}, ""},
		"a stale source":            {"/hyperdrive/", func() *http.Response { return response(200, emptyBody, "Age", "9") }, []int{4, ca, leaf}, ""},
		"a source with more pages": {"/hyperdrive/", func() *http.Response {
			return response(200, `{"success":true,"result":[],"result_info":{"total_pages":2}}`)
		}, []int{4, ca, leaf}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := everySource()
			s.faults = map[string]func() *http.Response{tt.path: tt.fault}
			items, err := inventory(t, s)
			if err != nil || len(items) != 9 {
				t.Fatalf("%d items, %v", len(items), err)
			}
			permission := ""
			for n := range 9 {
				e := items[certificateID(n)].Evidence
				want := api.InUse
				switch {
				case slices.Contains(tt.unknown, n):
					want = api.UsageUnknown
				case n == ca || n == leaf:
					want = api.Unused
				}
				if e.Usage() != want {
					t.Errorf("certificate %d: %v, want %v: %+v", n, e.Usage(), want, e)
				}
				for _, r := range e.Sources {
					permission += r.Permission
					if (r.State == api.SourceFailed) != (r.Err != nil) {
						t.Errorf("certificate %d: %+v", n, r)
					}
				}
			}
			if tt.permission == "" && permission != "" || !strings.Contains(permission, tt.permission) {
				t.Errorf("missing permission %q, want %q", permission, tt.permission)
			}
		})
	}
}

func TestAllSourcesApplyToACertificateOfUnknownKind(t *testing.T) {
	t.Parallel()
	s := everySource()
	s.certificates = []storedCertificate{{id: certificateID(9), ca: nil}}
	items, err := inventory(t, s)
	if err != nil {
		t.Fatal(err)
	}
	sources := items[certificateID(9)].Evidence.Sources
	if len(sources) != len(api.AllSources()) {
		t.Errorf("%d sources", len(sources))
	}
	for _, r := range sources {
		if r.State != api.SourceComplete {
			t.Errorf("%+v", r)
		}
	}
}

func TestSourcesCanBeLeftOut(t *testing.T) {
	t.Parallel()
	s := everySource()
	items, err := inventory(t, s, api.WithSources(api.SourceWorkers, api.SourceAssociations))
	if err != nil {
		t.Fatal(err)
	}
	if diff := diffOf(map[string]int{"workers": 1, "settings": 2, "certificates": 1, "associations": 9}, s.requests); diff != "" {
		t.Errorf("requests: %s", diff)
	}
	e := items[certificateID(1)].Evidence // named by a source that was left out
	if e.Usage() != api.Unused || e.Sources[1].State != api.SourceLeftOut {
		t.Errorf("%v, %+v", e.Usage(), e.Sources)
	}
}

func TestTheCertificatesOfAllOptionsAreSelected(t *testing.T) {
	t.Parallel()
	s := everySource()
	items, err := inventory(t, s, api.WithCertificates(ref(1)), api.WithCertificates(ref(2)))
	if err != nil || len(items) != 2 {
		t.Errorf("%d items, %v", len(items), err)
	}
}

func TestCertificateThatCannotBeReadDoesNotAffectTheOthers(t *testing.T) {
	t.Parallel()
	s := everySource()
	items, err := inventory(t, s, api.WithCertificates(
		api.CertificateRef{AccountID: account, ID: certificateID(99)}, api.CertificateRef{AccountID: account, ID: certificateID(1)}))
	if used := items[certificateID(1)].Evidence; err != nil || len(items) != 2 || used.Usage() != api.InUse {
		t.Fatalf("%v, %v", items, err)
	}
	e := items[certificateID(99)].Evidence
	if e.Usage() != api.UsageUnknown || len(e.Sources) != len(api.AllSources()) {
		t.Errorf("%v, %+v", e.Usage(), e.Sources)
	}
	for _, r := range e.Sources {
		if r.State != api.SourceFailed || !errors.Is(r.Err, api.ErrNotFound) {
			t.Errorf("%+v", r)
		}
	}
}

func TestRefusedCredentialsEndAnInventory(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/workers/scripts?", "/workers/scripts/checkout/", "/zones?", "/mtls_certificates?", certificateID(3) + "/associations", "/certificate_authorities"} {
		s := everySource()
		s.faults = map[string]func() *http.Response{path: refuse(401, 10000)}
		_, err := inventory(t, s)
		if !errors.Is(err, api.ErrUnauthorized) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestRefusedListEndsAnInventory(t *testing.T) {
	t.Parallel()
	s := everySource()
	s.faults = map[string]func() *http.Response{"/mtls_certificates?": refuse(403, 10000)}
	items, err := inventory(t, s)
	if !errors.Is(err, api.ErrForbidden) || len(items) != 0 || s.requests["certificates"] != 1 {
		t.Errorf("%d items, %v, requests %v", len(items), err, s.requests)
	}
}

func TestRefusedAssociationsAreNoLongerRequested(t *testing.T) {
	t.Parallel()
	s := everySource()
	s.faults = map[string]func() *http.Response{"/associations": refuse(403, 10000)}
	items, err := inventory(t, s, api.WithInventoryConcurrency(1))
	if err != nil || s.requests["associations"] != 3 {
		t.Errorf("%v, requests %v", err, s.requests)
	}
	for id, item := range items {
		r := item.Evidence.Sources[0]
		if r.State != api.SourceFailed || r.Permission != "Account: SSL and Certificates Read" && !errors.Is(r.Err, api.ErrNotAsked) {
			t.Errorf("%s: %+v", id, r)
		}
	}
}

func TestWrongInventoryOptionsSendNothing(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]api.InventoryOption{
		"nil": {nil}, "no sources": {api.WithSources()}, "unknown source": {api.WithSources("dns")},
		"no certificates": {api.WithCertificates()}, "bad certificate": {api.WithCertificates(api.CertificateRef{AccountID: account, ID: "a b"})},
		"another account": {api.WithCertificates(api.CertificateRef{AccountID: "other", ID: certificateID(1)})},
		"no concurrency":  {api.WithInventoryConcurrency(0)}, "no progress": {api.WithInventoryProgress(nil)},
	} {
		s := everySource()
		_, err := inventory(t, s, opts...)
		if !errors.Is(err, api.ErrInvalidArgument) || len(s.requests) != 0 {
			t.Errorf("%s: %v, requests %v", name, err, s.requests)
		}
	}
}

func TestPanicOfATransportReachesTheLoop(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/workers/scripts?", "/workers/scripts/checkout/", "/zones?", "/mtls_certificates?", "/associations", "/certificate_authorities"} {
		s := everySource()
		s.faults = map[string]func() *http.Response{path: func() *http.Response { panic(io.ErrClosedPipe) }}
		func() {
			defer func() {
				if recovered := recover(); recovered != io.ErrClosedPipe {
					t.Errorf("%s: recovered %v", path, recovered)
				}
			}()
			_, err := inventory(t, s)
			t.Errorf("%s: no panic but %v", path, err)
		}()
	}
}

// A change to the caller's slices between the call and the loop has no effect.
func TestAnInventoryCopiesItsArguments(t *testing.T) {
	t.Parallel()
	s := everySource()
	s.zones = s.zones[:2]
	client := newClient(t, s)
	certs, only := []api.CertificateRef{{AccountID: account, ID: certificateID(1)}}, []api.Source{api.SourceHostnames}
	opts := []api.InventoryOption{api.WithCertificates(certs...), api.WithSources(only...)}
	all := client.Inventory(t.Context(), account, opts...)
	certs[0].ID, only[0], opts[0] = certificateID(2), api.SourceWorkers, nil
	for range 2 { // each range is a new inventory
		n := 0
		for item, err := range all {
			n++
			if err != nil || item.Certificate.Ref.ID != certificateID(1) || item.Evidence.Sources[1].State != api.SourceComplete {
				t.Errorf("got %+v, %v", item, err)
			}
		}
		if n != 1 {
			t.Errorf("%d items", n)
		}
	}
	if diff := diffOf(map[string]int{"certificate": 2, "zones": 2, "hostnames": 4}, s.requests); diff != "" {
		t.Errorf("requests: %s", diff)
	}
}

func TestHostnamesAreRequestedWithTheIDFromTheAPI(t *testing.T) {
	t.Parallel()
	lower, upper, short := certificateID(1), strings.ToUpper(certificateID(1)), strings.ReplaceAll(certificateID(1), "-", "")
	for _, tt := range []struct {
		requested, given string
		want             api.Usage
	}{
		{lower, lower, api.InUse}, {upper, lower, api.InUse}, {upper, upper, api.UsageUnknown}, {short, short, api.UsageUnknown},
	} {
		s := everySource()
		s.before = func(kind string, _ *http.Request) (*http.Response, error) {
			if kind != "certificate" {
				return nil, nil
			}
			return success(`{"id":"` + tt.given + `","ca":true,"type":"custom"}`)(), nil
		}
		e, err := newClient(t, s).Evidence(t.Context(), api.CertificateRef{AccountID: account, ID: tt.requested})
		if failed := strings.HasPrefix(fmt.Sprint(e.Sources[1].Err), "list hostname associations: "); err != nil || e.Usage() != tt.want || failed != (tt.want != api.InUse) {
			t.Errorf("requested as %s, returned as %s: %v, want %v; %v", tt.requested, tt.given, e, tt.want, err)
		}
	}
}

func TestOnlyIncludedSourcesFailIfACertificateCannotBeRead(t *testing.T) {
	t.Parallel()
	s := everySource()
	s.faults = faults("/mtls_certificates/"+certificateID(1), refuse(500, 1))
	items, err := inventory(t, s, api.WithCertificates(ref(1)), api.WithSources(api.SourceAssociations, api.SourceWorkers))
	if err != nil {
		t.Fatal(err)
	}
	results := items[certificateID(1)].Evidence.Sources
	if len(results) != len(api.AllSources()) {
		t.Errorf("%d sources", len(results))
	}
	for _, r := range results {
		want := api.SourceLeftOut
		if r.Source == api.SourceAssociations || r.Source == api.SourceWorkers {
			want = api.SourceFailed
		}
		if r.State != want || (r.Err != nil) != (want == api.SourceFailed) {
			t.Errorf("%s is %s, %v; want %s", r.Source, r.State, r.Err, want)
		}
	}
}

package api_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

const account = "023e105f4ecef8ad9ca31a8372d0c353"

// pageOf returns a page with the certificates from first to last; info is its
// result_info.
func pageOf(first, last int, info string) *http.Response {
	return listResponse(itemRange(first, last, certificateJSON), info)
}

// respondOnce returns a transport that responds with resp, once.
func respondOnce(resp *http.Response) http.RoundTripper {
	return &pageServer{pages: []*http.Response{resp}}
}

// pageServer returns page after page, and records the queries.
type pageServer struct {
	pages   []*http.Response
	queries []url.Values
}

func (s *pageServer) RoundTrip(req *http.Request) (*http.Response, error) {
	s.queries = append(s.queries, req.URL.Query())
	if len(s.queries) > len(s.pages) {
		return nil, errors.New("too many pages were requested")
	}
	return s.pages[len(s.queries)-1], nil
}

func info(page, perPage, totalCount, totalPages int) string {
	return fmt.Sprintf(`{"page":%d,"per_page":%d,"total_count":%d,"total_pages":%d}`, page, perPage, totalCount, totalPages)
}

func TestPagesAreRequestedWhileThereAreMore(t *testing.T) {
	t.Parallel()
	linked := pageOf(1, 1, "")
	linked.Header.Set("Link", `<https://example.com/?page=2>; rel="next"`)
	failing := response(200, `{"success":true,"errors":[{"code":1}],"messages":[{"code":2}],"result":[]}`)
	stale := pageOf(1, 1, "")
	stale.Header.Set("Age", "9")
	for name, tt := range map[string]struct {
		pages           []*http.Response
		items, requests int
		want            error // nil: the list is complete
	}{
		"no numbers":                  {[]*http.Response{pageOf(1, 3, "")}, 3, 1, nil},
		"a response from a cache":     {[]*http.Response{stale}, 1, 1, api.ErrUnexpectedResponse},
		"fewer than counted":          {[]*http.Response{pageOf(1, 2, `{"page":1,"per_page":50,"count":3}`)}, 2, 1, api.ErrTruncated},
		"a negative number":           {[]*http.Response{pageOf(1, 2, `{"page":1,"total_count":-1}`)}, 2, 1, api.ErrTruncated},
		"one page":                    {[]*http.Response{pageOf(1, 2, info(1, 50, 2, 1))}, 2, 1, nil},
		"none":                        {[]*http.Response{pageOf(1, 0, info(1, 50, 0, 0))}, 0, 1, nil},
		"smaller per_page at the end": {[]*http.Response{pageOf(1, 2, info(1, 2, 3, 2)), pageOf(3, 3, info(2, 1, 3, 2))}, 3, 2, nil},
		"pages without a total":       {[]*http.Response{pageOf(1, 12, `{"total_pages":1}`)}, 12, 1, nil},
		"shorter than its per_page":   {[]*http.Response{pageOf(1, 12, `{"page":1,"per_page":50}`)}, 12, 1, nil},
		"empty, but with a total":     {[]*http.Response{pageOf(1, 0, `{"page":1,"per_page":50,"total_count":1}`)}, 0, 1, api.ErrTruncated},
		"page 2 in place of page 1":   {[]*http.Response{pageOf(1, 2, info(2, 50, 2, 1))}, 0, 1, api.ErrUnexpectedResponse},
		"three pages":                 {[]*http.Response{pageOf(1, 2, info(1, 2, 5, 3)), pageOf(3, 4, info(2, 2, 5, 3)), pageOf(5, 5, info(3, 2, 5, 3))}, 5, 3, nil},
		"total without pages":         {[]*http.Response{pageOf(1, 2, `{"page":1,"per_page":2,"total_count":3}`), pageOf(3, 3, `{"page":2,"per_page":2,"total_count":3}`)}, 3, 2, nil},
		"full page without totals":    {[]*http.Response{pageOf(1, 2, `{"page":1,"per_page":2}`), pageOf(1, 0, `{"page":2,"per_page":2}`)}, 2, 2, nil},
		"the first page again":        {[]*http.Response{pageOf(1, 2, info(1, 2, 4, 2)), pageOf(1, 2, info(1, 2, 4, 2))}, 2, 2, api.ErrUnexpectedResponse},
		"the same items again":        {[]*http.Response{pageOf(1, 2, info(1, 2, 6, 3)), pageOf(1, 2, info(2, 2, 6, 3))}, 2, 2, api.ErrUnexpectedResponse},
		"one item moved back":         {[]*http.Response{pageOf(1, 2, info(1, 2, 4, 2)), pageOf(2, 3, info(2, 2, 4, 2))}, 3, 2, api.ErrTruncated},
		"an empty page too early":     {[]*http.Response{pageOf(1, 2, info(1, 2, 4, 2)), pageOf(1, 0, info(2, 2, 4, 2))}, 2, 2, api.ErrTruncated},
		"page without its number":     {[]*http.Response{pageOf(1, 2, info(1, 2, 3, 2)), pageOf(3, 3, `{"per_page":2,"total_count":3,"total_pages":2}`)}, 2, 2, api.ErrUnexpectedResponse},
		"a link to more":              {[]*http.Response{linked}, 1, 1, api.ErrTruncated},
		"a success with errors":       {[]*http.Response{failing}, 0, 1, api.ErrUnexpectedResponse},
		"a failure later":             {[]*http.Response{pageOf(1, 1, info(1, 1, 2, 2)), response(404, `{"success":false,"errors":[{"code":7003,"message":"m"}]}`)}, 1, 2, api.ErrNotFound},
		"a certificate without id":    {[]*http.Response{response(200, `{"success":true,"result":[{"name":"a"}]}`)}, 0, 1, api.ErrUnexpectedResponse},
		"null as a certificate":       {[]*http.Response{response(200, `{"success":true,"result":[null]}`)}, 0, 1, api.ErrUnexpectedResponse},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := &pageServer{pages: tt.pages}
			var ids []string
			var last error
			for cert, err := range newClient(t, server).Certificates(t.Context(), account) {
				if last = err; err == nil {
					ids = append(ids, cert.Ref.ID)
				}
			}
			if len(ids) != tt.items || len(server.queries) != tt.requests {
				t.Errorf("%d certificates from %d requests, want %d and %d", len(ids), len(server.queries), tt.items, tt.requests)
			}
			if compact := slices.Compact(slices.Sorted(slices.Values(ids))); len(compact) != len(ids) {
				t.Errorf("a certificate was yielded twice: %q", ids)
			}
			if (last == nil) != (tt.want == nil) || !errors.Is(last, tt.want) {
				t.Errorf("error %v, want %v", last, tt.want)
			}
			if tt.pages[0] == failing && (len(asError(t, last).Details) != 1 || len(asError(t, last).Messages) != 1) {
				t.Errorf("%+v, want the error and the message of the response", last)
			}
		})
	}
}

func TestFurtherPagesHaveTheSizeOfTheFirst(t *testing.T) {
	t.Parallel()
	server := &pageServer{pages: []*http.Response{pageOf(1, 2, info(1, 2, 3, 2)), pageOf(3, 3, info(2, 2, 3, 2))}}
	for _, err := range newClient(t, server).Certificates(t.Context(), account, api.WithTypes("custom", "access_managed")) {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := []url.Values{{"type": {"custom,access_managed"}}, {"type": {"custom,access_managed"}, "page": {"2"}, "per_page": {"2"}}}
	if diff := diffOf(want, server.queries); diff != "" {
		t.Errorf("queries: %s", diff)
	}
}

func TestLeavingTheLoopRequestsNoFurtherPage(t *testing.T) {
	t.Parallel()
	server := &pageServer{pages: []*http.Response{pageOf(1, 2, info(1, 2, 4, 2))}}
	for range newClient(t, server).Certificates(t.Context(), account) {
		break
	}
	if len(server.queries) != 1 {
		t.Errorf("%d requests, want 1", len(server.queries))
	}
}

func TestEachMemberOfACertificateIsRead(t *testing.T) {
	t.Parallel()
	isCA := false
	base := api.Certificate{Ref: cert}
	with := func(change func(*api.Certificate)) api.Certificate {
		c := base
		change(&c)
		return c
	}
	for name, tt := range map[string]struct {
		members string
		want    api.Certificate
	}{
		"id alone": {"", base},
		"all": {`,"name":"n","type":"custom","ca":false,"issuer":"O=X","serial_number":"12","signature":"SHA256WithRSA",
			"uploaded_on":"2022-11-22T17:32:30.467938Z","expires_on":"2122-10-29T16:59:47Z","certificates":"pem","new":[1]`,
			api.Certificate{Ref: cert, Name: "n", Type: "custom", CA: &isCA, Issuer: "O=X", SerialNumber: "12", SignatureAlgorithm: "SHA256WithRSA",
				UploadedOn: time.Date(2022, 11, 22, 17, 32, 30, 467938000, time.UTC), ExpiresOn: time.Date(2122, 10, 29, 16, 59, 47, 0, time.UTC), PEM: "pem"}},
		"null members":       {`,"name":null,"type":null,"ca":null,"expires_on":null`, base},
		"empty date":         {`,"expires_on":""`, base},
		"unreadable date":    {`,"expires_on":"2025-04-01 10:11:00 +0000 UTC"`, with(func(c *api.Certificate) { c.Malformed = []string{"/expires_on"} })},
		"date as a number":   {`,"expires_on":1743502260`, with(func(c *api.Certificate) { c.Malformed = []string{"/expires_on"} })},
		"year 10000 in UTC":  {`,"expires_on":"9999-12-31T23:59:59-00:01"`, with(func(c *api.Certificate) { c.Malformed = []string{"/expires_on"} })},
		"year -1 in UTC":     {`,"uploaded_on":"0000-01-01T00:00:00+00:01"`, with(func(c *api.Certificate) { c.Malformed = []string{"/uploaded_on"} })},
		"name as a number":   {`,"name":7`, with(func(c *api.Certificate) { c.Malformed = []string{"/name"} })},
		"serial as a number": {`,"serial_number":235217144297995885180570755458463043449861756659`, with(func(c *api.Certificate) { c.Malformed = []string{"/serial_number"} })},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := `{"id":"` + cert.ID + `"` + tt.members + `}`
			got, err := newClient(t, respondOnce(response(200, `{"success":true,"errors":[],"messages":[],"result":`+object+`}`))).Certificate(t.Context(), cert)
			if err != nil {
				t.Fatal(err)
			}
			if diff := diffOf(&tt.want, got); diff != "" {
				t.Errorf("one certificate: %s", diff)
			}
			listed, n := newClient(t, respondOnce(response(200, `{"success":true,"result":[`+object+`]}`))).Certificates(t.Context(), cert.AccountID), 0
			for got, err := range listed {
				n++
				if diff := diffOf(tt.want, got); err != nil || diff != "" {
					t.Errorf("in a list: %v: %s", err, diff)
				}
			}
			if n != 1 {
				t.Errorf("%d certificates in the list, want 1", n)
			}
		})
	}
}

func TestDecidingMembersOfACertificateAreReadStrictly(t *testing.T) {
	t.Parallel()
	for name, object := range map[string]string{
		"no id": `{"name":"n"}`, "null id": `{"id":null}`, "id of another kind": `{"id":5}`, "an invalid id": `{"id":"../x"}`,
		"another certificate": `{"id":"` + certificateID(1) + `"}`,
		"ca as a string":      `{"id":"` + cert.ID + `","ca":"true"}`, "type as a number": `{"id":"` + cert.ID + `","type":1}`,
		"a list": `[]`, "a string": `"x"`,
	} {
		_, err := newClient(t, respondOnce(response(200, `{"success":true,"result":`+object+`}`))).Certificate(t.Context(), cert)
		if !errors.Is(err, api.ErrUnexpectedResponse) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := newClient(t, respondOnce(response(200, `{"success":true,"result":null}`))).Certificate(t.Context(), cert)
	wantSentinels(t, err, api.ErrNoResult)
}

func TestWrongArgumentsSendNothing(t *testing.T) {
	t.Parallel()
	client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
		t.Error("a request was sent")
		return nil, errors.New("sent")
	}))
	for name, call := range map[string]func() error{
		"Certificates without account":   func() error { return firstError(client.Certificates(t.Context(), "")) },
		"Certificates with a path":       func() error { return firstError(client.Certificates(t.Context(), "a/b")) },
		"Certificates with a nil option": func() error { return firstError(client.Certificates(t.Context(), account, nil)) },
		"Certificates without a type":    func() error { return firstError(client.Certificates(t.Context(), account, api.WithTypes())) },
		"Certificates of an empty type":  func() error { return firstError(client.Certificates(t.Context(), account, api.WithTypes(""))) },
		"Certificates without context":   func() error { return firstError(client.Certificates(noContext, account)) },
		"Zones without account":          func() error { return firstError(client.Zones(t.Context(), "")) },
		"Certificate without id": func() error {
			_, err := client.Certificate(t.Context(), api.CertificateRef{AccountID: account})
			return err
		},
		"Hostnames without zone": func() error {
			_, err := client.Hostnames(t.Context(), api.HostnamesRef{CertificateID: cert.ID})
			return err
		},
		"Hostnames without certificate": func() error {
			_, err := client.Hostnames(t.Context(), api.HostnamesRef{ZoneID: account})
			return err
		},
		"Hostnames of an id in capital letters": func() error {
			_, err := client.Hostnames(t.Context(), api.HostnamesRef{ZoneID: account, CertificateID: strings.ToUpper(cert.ID)})
			return err
		},
		"Hostnames of an id without hyphens": func() error {
			_, err := client.Hostnames(t.Context(), api.HostnamesRef{ZoneID: account, CertificateID: strings.ReplaceAll(cert.ID, "-", "")})
			return err
		},
		"client without New": func() error { return firstError(new(api.Client).Zones(t.Context(), account)) },
	} {
		if err := call(); !errors.Is(err, api.ErrInvalidArgument) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// firstError returns the error of the first element of a sequence.
func firstError[T any](seq func(func(T, error) bool)) (first error) {
	seq(func(_ T, err error) bool { first = err; return false })
	return first
}

func TestZonesOfAnAccountAreListed(t *testing.T) {
	t.Parallel()
	zone := func(n int) string {
		return fmt.Sprintf(`{"id":"%032d","name":"z%d.example","status":"active","owner":{"id":null}}`, n, n)
	}
	server := &pageServer{pages: []*http.Response{
		response(200, `{"success":true,"result":[`+zone(1)+`],"result_info":`+info(1, 50, 2, 2)+`}`),
		response(200, `{"success":true,"result":[`+zone(2)+`],"result_info":`+info(2, 50, 2, 2)+`}`),
	}}
	var got []api.Zone
	for zone, err := range newClient(t, server).Zones(t.Context(), account) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, zone)
	}
	want := []api.Zone{{ID: fmt.Sprintf("%032d", 1), Name: "z1.example", Status: "active"}, {ID: fmt.Sprintf("%032d", 2), Name: "z2.example", Status: "active"}}
	if diff := diffOf(want, got); diff != "" {
		t.Errorf("%s", diff)
	}
	queries := []url.Values{{"account.id": {account}, "per_page": {"50"}}, {"account.id": {account}, "page": {"2"}, "per_page": {"50"}}}
	if diff := diffOf(queries, server.queries); diff != "" {
		t.Errorf("queries: %s", diff)
	}
}

// The API may ignore the page size that the client requests for zones.
func TestFullPageWithoutNumbersMayNotBeTheLast(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]error{9: nil, 10: api.ErrTruncated, 49: api.ErrTruncated, 50: api.ErrTruncated} {
		var rows []string
		for i := range n {
			rows = append(rows, fmt.Sprintf(`{"id":"%032d"}`, i))
		}
		client := newClient(t, respondOnce(response(200, `{"success":true,"result":[`+strings.Join(rows, ",")+`]}`)))
		var last error
		yielded := 0
		for _, err := range client.Zones(t.Context(), account) {
			if last = err; err == nil {
				yielded++
			}
		}
		if yielded != n || !errors.Is(last, want) {
			t.Errorf("%d of %d zones, %v; want %v", yielded, n, last, want)
		}
	}
}

func TestHostnamesAreReadStrictly(t *testing.T) {
	t.Parallel()
	ref := api.HostnamesRef{ZoneID: account, CertificateID: cert.ID}
	stale := response(200, `{"success":true,"result":{"hostnames":[]}}`)
	stale.Header.Set("Age", "5")
	for name, tt := range map[string]struct {
		resp *http.Response
		want []string
		err  error
	}{
		"some":                 {response(200, `{"success":true,"result":{"hostnames":["b.example","a.example"]}}`), []string{"b.example", "a.example"}, nil},
		"none":                 {response(200, `{"success":true,"result":{"hostnames":[]}}`), []string{}, nil},
		"none, from a cache":   {stale, nil, api.ErrUnexpectedResponse},
		"no list":              {response(200, `{"success":true,"result":{}}`), nil, api.ErrUnexpectedResponse},
		"null":                 {response(200, `{"success":true,"result":{"hostnames":null}}`), nil, api.ErrUnexpectedResponse},
		"a string":             {response(200, `{"success":true,"result":{"hostnames":"a.example"}}`), nil, api.ErrUnexpectedResponse},
		"null in the list":     {response(200, `{"success":true,"result":{"hostnames":["a.example",null]}}`), nil, api.ErrUnexpectedResponse},
		"a number in the list": {response(200, `{"success":true,"result":{"hostnames":["a.example",5]}}`), nil, api.ErrUnexpectedResponse},
		"success with errors":  {response(200, `{"success":true,"errors":[{"code":1}],"result":{"hostnames":[]}}`), nil, api.ErrUnexpectedResponse},
		"a cursor to more":     {response(200, `{"success":true,"result":{"hostnames":["a.example"]},"result_info":{"cursor":"c"}}`), nil, api.ErrTruncated},
		"no permission":        {response(403, `{"success":false,"errors":[{"code":10000}]}`), nil, api.ErrForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := &pageServer{pages: []*http.Response{tt.resp}}
			got, err := newClient(t, server).Hostnames(t.Context(), ref)
			if !errors.Is(err, tt.err) || diffOf(tt.want, got) != "" {
				t.Errorf("got %q, %v, want %q, %v", got, err, tt.want, tt.err)
			}
			if diff := diffOf([]url.Values{{"mtls_certificate_id": {cert.ID}}}, server.queries); diff != "" {
				t.Errorf("queries: %s", diff)
			}
		})
	}
}

func TestParseChainReadsAllCertificates(t *testing.T) {
	t.Parallel()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	var text []byte
	for serial := range int64(2) {
		template := &x509.Certificate{SerialNumber: big.NewInt(serial + 1)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		text = append(append(text, "# a comment\n"...), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	chain, err := (&api.Certificate{PEM: string(text)}).ParseChain()
	if err != nil || len(chain) != 2 || chain[1].SerialNumber.Int64() != 2 {
		t.Errorf("%d certificates, %v, want 2", len(chain), err)
	}
	malformed := "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"
	for name, tt := range map[string]struct {
		text   string
		digest bool
	}{
		"empty": {"", false}, "no PEM": {"hello", false}, "an invalid certificate": {block("CERTIFICATE", []byte("x")), true},
		"malformed first": {malformed + caPEM, false}, "malformed last": {leafPEM + malformed, true},
	} {
		cert := api.Certificate{PEM: tt.text}
		if chain, err := cert.ParseChain(); err == nil || chain != nil {
			t.Errorf("%s: %v, %v", name, chain, err)
		}
		if digest, err := cert.SHA256(); (err == nil) != tt.digest || (digest != [sha256.Size]byte{}) != tt.digest {
			t.Errorf("%s: digest %x, %v", name, digest, err)
		}
	}
}

func TestCertificateKeepsItsFieldsInJSON(t *testing.T) {
	t.Parallel()
	yes := true
	in := api.Certificate{Ref: cert, Name: "n", CA: &yes, ExpiresOn: time.Date(2122, 10, 29, 16, 59, 47, 0, time.UTC), Malformed: []string{"/issuer"}}
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out api.Certificate
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	if diff := diffOf(in, out); diff != "" {
		t.Errorf("%s came back changed: %s", text, diff)
	}
}

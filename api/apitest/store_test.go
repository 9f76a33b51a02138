package apitest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/api"
	"github.com/certuse/cloudflare-mtls/api/apitest"
)

const other = "60c7c1bc-6a01-4b5e-8c5f-1d3f0a2b9c4d"

// decodedResponse has the members of a response that the tests check.
type decodedResponse struct {
	Status int
	Codes  []int
	Result any
	Info   map[string]any
}

// sendValid sends a request and reads the response. A path that does not begin with
// /zones is relative to the account of cert. Every request must be valid.
func sendValid(t *testing.T, server *apitest.Server, method, path, body string) decodedResponse {
	t.Helper()
	if !strings.HasPrefix(path, "/zones") {
		path = "/accounts/" + cert.AccountID + path
	}
	resp, text, err := send(t, server, method, path, body, authorized)
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Errors []struct{ Code int }
		Result any
		Info   map[string]any `json:"result_info"`
	}
	if err := json.Unmarshal([]byte(text), &read); err != nil {
		t.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, text)
	}
	a := decodedResponse{Status: resp.StatusCode, Result: read.Result, Info: read.Info}
	for _, e := range read.Errors {
		a.Codes = append(a.Codes, e.Code)
	}
	seen := server.Requests()
	if last := seen[len(seen)-1]; last.StatusCode != resp.StatusCode || len(last.Violations) > 0 {
		t.Errorf("%s %s: recorded as %+v", method, path, last)
	}
	return a
}

// memberOf returns the member of each item of a list.
func memberOf(list any, member string) []string {
	items, _ := list.([]any)
	var out []string
	for _, item := range items {
		object, _ := item.(map[string]any)
		out = append(out, fmt.Sprint(object[member]))
	}
	return out
}

// newPEM returns a certificate in PEM.
func newPEM(t *testing.T, isCA bool) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(4711), Subject: pkix.Name{CommonName: "test"}, IsCA: isCA, BasicConstraintsValid: true,
		NotBefore: time.Unix(0, 0), NotAfter: time.Date(2122, 10, 29, 16, 59, 47, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func uploadBody(t *testing.T, text string) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"ca": true, "certificates": text, "name": "uploaded", "private_key": "not kept"})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestUploadGetAndDeleteChangeTheStore(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	text := newPEM(t, true)
	if err := server.AddAccount(cert.AccountID); err != nil {
		t.Fatal(err)
	}
	uploaded := sendValid(t, server, "POST", "/mtls_certificates", uploadBody(t, text))
	object, _ := uploaded.Result.(map[string]any)
	id, _ := object["id"].(string)
	want := map[string]any{
		"id": id, "ca": true, "certificates": text, "name": "uploaded", "type": "custom", "issuer": "CN=test", "serial_number": "4711",
		"signature": "ECDSA-SHA256", "expires_on": "2122-10-29T16:59:47Z", "uploaded_on": object["uploaded_on"],
	}
	if diff := cmp.Diff(want, uploaded.Result); diff != "" || len(id) != 36 || object["uploaded_on"] == nil {
		t.Errorf("uploaded as %q (-want +got):\n%s", id, diff)
	}
	path := "/mtls_certificates/" + id
	got := sendValid(t, server, "GET", path, "")
	list := sendValid(t, server, "GET", "/mtls_certificates", "")
	if diff := cmp.Diff(want, got.Result); diff != "" || !slices.Equal(memberOf(list.Result, "id"), []string{id}) {
		t.Errorf("list %v, certificate (-want +got):\n%s", list, diff)
	}
	again := sendValid(t, server, "POST", "/mtls_certificates", uploadBody(t, "\n"+text+"\n"))
	if again.Status != 400 || !slices.Equal(again.Codes, []int{1471}) {
		t.Errorf("uploaded twice: %+v", again)
	}
	if broken := sendValid(t, server, "POST", "/mtls_certificates", uploadBody(t, "no PEM")); broken.Status != 400 {
		t.Errorf("uploaded no certificate: %+v", broken)
	}
	if deleted := sendValid(t, server, "DELETE", path, ""); deleted.Status != 200 {
		t.Errorf("delete: %+v", deleted)
	}
	for _, method := range []string{"GET", "DELETE"} {
		if gone := sendValid(t, server, method, path, ""); gone.Status != 404 || !slices.Equal(gone.Codes, []int{1472}) {
			t.Errorf("%s of a deleted certificate: %+v", method, gone)
		}
	}
	if gone := sendValid(t, server, "GET", path+"/associations", ""); gone.Status != 404 {
		t.Errorf("associations of a deleted certificate: %+v", gone)
	}
	renewed := sendValid(t, server, "POST", "/mtls_certificates", uploadBody(t, text))
	if memberOf([]any{renewed.Result}, "id")[0] != id {
		t.Errorf("the same certificate got another id than %s: %+v", id, renewed)
	}
}

func TestUploadKnowsCertificatesThatWereAdded(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	text := newPEM(t, false)
	if err := server.AddCertificate(cert, apitest.Certificate{PEM: text, Name: "mine"}); err != nil {
		t.Fatal(err)
	}
	if again := sendValid(t, server, "POST", "/mtls_certificates", uploadBody(t, text)); !slices.Equal(again.Codes, []int{1471}) {
		t.Errorf("%+v", again)
	}
	sendValid(t, server, "DELETE", "/mtls_certificates/"+cert.ID, "")
	if renewed := sendValid(t, server, "POST", "/mtls_certificates", uploadBody(t, text)); memberOf([]any{renewed.Result}, "id")[0] != cert.ID {
		t.Errorf("%+v", renewed)
	}
}

// Each refer makes an entry refer to the certificate id. A second call, with another
// id, changes the entry, so that nothing refers to the first certificate any more.
func TestDeleteIsRefusedWhileSomethingRefersToTheCertificate(t *testing.T) {
	t.Parallel()
	account := cert.AccountID
	for name, refer := range map[string]func(s *apitest.Server, id string) error{
		"association": func(s *apitest.Server, id string) error {
			if id == other {
				return s.SetAssociations(cert)
			}
			return s.SetAssociations(cert, gateway)
		},
		"hostname": func(s *apitest.Server, id string) error {
			if id == other {
				return s.SetHostnames("zone", cert.ID)
			}
			return s.SetHostnames("zone", id, "api.example.com")
		},
		"worker": func(s *apitest.Server, id string) error {
			return s.AddWorker(account, apitest.Worker{Name: "checkout", Certificates: map[string]string{"CERT": id}})
		},
		"pages in production": func(s *apitest.Server, id string) error {
			return s.AddPagesProject(account, apitest.PagesProject{Name: "shop", Production: map[string]string{"CERT": id}})
		},
		"pages in preview": func(s *apitest.Server, id string) error {
			return s.AddPagesProject(account, apitest.PagesProject{Name: "shop", Preview: map[string]string{"CERT": id}})
		},
		"hyperdrive CA": func(s *apitest.Server, id string) error {
			return s.AddHyperdriveConfig(account, apitest.HyperdriveConfig{ID: "h", CACertificateID: id})
		},
		"hyperdrive": func(s *apitest.Server, id string) error {
			return s.AddHyperdriveConfig(account, apitest.HyperdriveConfig{ID: "h", CertificateID: id})
		},
		"gateway": func(s *apitest.Server, id string) error {
			return s.SetGateway(account, apitest.Gateway{CertificateID: id})
		},
		"gateway, deprecated": func(s *apitest.Server, id string) error {
			return s.SetGateway(account, apitest.Gateway{CustomCertificateID: id})
		},
		"posture rule": func(s *apitest.Server, id string) error {
			return s.AddPostureRule(account, apitest.PostureRule{ID: "r", CertificateID: id})
		},
	} {
		server := newServer(t)
		if err := errors.Join(
			server.AddCertificate(cert, apitest.Certificate{CA: true}), server.AddZone(account, apitest.Zone{ID: "zone"}),
			server.AddCertificate(api.CertificateRef{AccountID: "stranger", ID: cert.ID}, apitest.Certificate{}),
			server.AddWorker("stranger", apitest.Worker{Name: "w", Certificates: map[string]string{"CERT": cert.ID}}),
			refer(server, cert.ID),
		); err != nil {
			t.Fatal(err)
		}
		if kept := sendValid(t, server, "DELETE", "/mtls_certificates/"+cert.ID, ""); kept.Status != 400 || !slices.Equal(kept.Codes, []int{1305}) {
			t.Errorf("%s: %+v", name, kept)
		}
		if err := refer(server, other); err != nil {
			t.Fatal(err)
		}
		if gone := sendValid(t, server, "DELETE", "/mtls_certificates/"+cert.ID, ""); gone.Status != 200 {
			t.Errorf("%s, no longer: %+v", name, gone)
		}
	}
	server := newServer(t)
	if err := server.AddCertificate(cert, apitest.Certificate{Type: "gateway_managed"}); err != nil {
		t.Fatal(err)
	}
	if kept := sendValid(t, server, "DELETE", "/mtls_certificates/"+cert.ID, ""); kept.Status != 403 {
		t.Errorf("managed: %+v", kept)
	}
}

func TestTheLargestPageHoldsAll(t *testing.T) {
	t.Parallel()
	server := newServer(t, apitest.WithPageSize(math.MaxInt))
	if err := server.AddCertificate(cert, apitest.Certificate{}); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range newClient(t, server).Certificates(t.Context(), cert.AccountID) {
		if n++; err != nil {
			t.Error(err)
		}
	}
	if n != 1 {
		t.Errorf("%d certificates", n)
	}
}

func TestListsHavePages(t *testing.T) {
	t.Parallel()
	server := newServer(t, apitest.WithPageSize(6))
	var names []string
	for i := range 13 {
		id := fmt.Sprintf("%02d", i)
		names = append(names, "c"+id)
		if err := errors.Join(
			server.AddCertificate(api.CertificateRef{AccountID: cert.AccountID, ID: id}, apitest.Certificate{Name: "c" + id}),
			server.AddZone(cert.AccountID, apitest.Zone{ID: id, Name: "c" + id}),
			server.AddPagesProject(cert.AccountID, apitest.PagesProject{Name: "c" + id}),
		); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"/mtls_certificates?", "/zones?account.id=" + cert.AccountID + "&", "/pages/projects?"} {
		for query, want := range map[string]struct {
			names                []string
			page, perPage, pages float64
		}{
			"":                   {names[:6], 1, 6, 3},
			"page=3":             {names[12:], 3, 6, 3},
			"page=4":             {nil, 4, 6, 3},
			"page=2&per_page=5":  {names[5:10], 2, 5, 3},
			"page=1&per_page=50": {names[:6], 1, 6, 3},
		} {
			got := sendValid(t, server, "GET", path+query, "")
			info := map[string]any{"count": float64(len(want.names)), "page": want.page, "per_page": want.perPage, "total_count": 13.0, "total_pages": want.pages}
			if diff := cmp.Diff(info, got.Info) + cmp.Diff(want.names, memberOf(got.Result, "name")); diff != "" {
				t.Errorf("%s%s (-want +got):\n%s", path, query, diff)
			}
		}
		if got := sendValid(t, server, "GET", fmt.Sprint(path, "page=", math.MaxInt), ""); got.Status != 200 || len(memberOf(got.Result, "name")) > 0 {
			t.Errorf("%s: the last possible page: %+v", path, got)
		}
		if got := sendValid(t, server, "GET", path+"page=1.5", ""); got.Status != 400 {
			t.Errorf("%s: half a page: %+v", path, got)
		}
	}
}

func TestListsAreFiltered(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	stranger := api.CertificateRef{AccountID: "stranger", ID: cert.ID}
	if err := errors.Join(
		server.AddCertificate(api.CertificateRef{AccountID: cert.AccountID, ID: "a"}, apitest.Certificate{}),
		server.AddCertificate(api.CertificateRef{AccountID: cert.AccountID, ID: "b"}, apitest.Certificate{Type: "gateway_managed"}),
		server.AddCertificate(api.CertificateRef{AccountID: cert.AccountID, ID: "c"}, apitest.Certificate{Type: "access_managed"}),
		server.AddCertificate(stranger, apitest.Certificate{}),
		server.AddZone(cert.AccountID, apitest.Zone{ID: "z1", Name: "one.example", Status: "pending"}),
		server.AddZone("stranger", apitest.Zone{ID: "z2", Name: "two.example"}),
	); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string][]string{
		"/mtls_certificates":                                 {"a", "b", "c"},
		"/mtls_certificates?type=custom":                     {"a"},
		"/mtls_certificates?type=custom,access_managed":      {"a", "c"},
		"/mtls_certificates?type=other":                      nil,
		"/zones":                                             {"z1", "z2"},
		"/zones?account.id=stranger":                         {"z2"},
		"/zones?account.id=nobody":                           nil,
		"/zones?name=one.example":                            {"z1"},
		"/zones?status=active":                               {"z2"},
		"/zones?status=pending&account.id=" + cert.AccountID: {"z1"},
		"/zones?status=active&account.id=" + cert.AccountID:  nil,
	} {
		if got := sendValid(t, server, "GET", path, ""); got.Status != 200 || !slices.Equal(memberOf(got.Result, "id"), want) {
			t.Errorf("%s: %+v", path, got)
		}
	}
}

func TestSourcesReturnWhatWasSet(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	account := cert.AccountID
	if err := errors.Join(
		server.AddZone(account, apitest.Zone{ID: "z", Name: "example.com"}),
		server.AddCertificate(cert, apitest.Certificate{CA: true}),
		server.SetHostnames("z", "", "managed.example.com"),
		server.SetHostnames("z", other, "a.example.com", "b.example.com"),
		server.AddWorker(account, apitest.Worker{Name: "checkout", Certificates: map[string]string{"B": other, "A": cert.ID}}),
		server.AddWorker(account, apitest.Worker{Name: "idle"}),
		server.AddPagesProject(account, apitest.PagesProject{Name: "shop", Production: map[string]string{"C": cert.ID}}),
		server.AddHyperdriveConfig(account, apitest.HyperdriveConfig{ID: "h", Name: "orders", CACertificateID: cert.ID, CertificateID: other}),
		server.AddHyperdriveConfig(account, apitest.HyperdriveConfig{ID: "plain"}),
		server.AddPostureRule(account, apitest.PostureRule{ID: "r", Name: "laptops", CertificateID: cert.ID}),
		server.AddPostureRule(account, apitest.PostureRule{ID: "os", Type: "os_version"}),
	); err != nil {
		t.Fatal(err)
	}
	expect := func(path, want string) {
		t.Helper()
		var result any
		if err := json.Unmarshal([]byte(strings.NewReplacer("CERT", cert.ID, "OTHER", other).Replace(want)), &result); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(result, sendValid(t, server, "GET", path, "").Result); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	const hostnames = "/zones/z/certificate_authorities/hostname_associations"
	expect(hostnames, `{"hostnames":["managed.example.com"]}`)
	expect(hostnames+"?mtls_certificate_id="+other, `{"hostnames":["a.example.com","b.example.com"]}`)
	expect(hostnames+"?mtls_certificate_id="+cert.ID, `{"hostnames":[]}`)
	expect("/workers/scripts", `[{"id":"checkout"},{"id":"idle"}]`)
	expect("/workers/scripts/checkout/settings", `{"bindings":[{"type":"mtls_certificate","name":"A","certificate_id":"CERT"},{"type":"mtls_certificate","name":"B","certificate_id":"OTHER"}]}`)
	expect("/workers/scripts/idle/settings", `{"bindings":[]}`)
	expect("/pages/projects", `[{"name":"shop","deployment_configs":{"production":{"mtls_certificates":{"C":{"certificate_id":"CERT"}}},"preview":{"mtls_certificates":{}}}}]`)
	expect("/hyperdrive/configs", `[{"id":"h","name":"orders","origin":{"scheme":"postgres"},"mtls":{"ca_certificate_id":"CERT","mtls_certificate_id":"OTHER"}},{"id":"plain","origin":{"scheme":"postgres"}}]`)
	expect("/devices/posture", `[{"id":"r","name":"laptops","type":"client_certificate","input":{"certificate_id":"CERT"}},{"id":"os","name":"","type":"os_version","input":{}}]`)
	expect("/gateway/configuration", `{"settings":{}}`)
	if err := server.SetGateway(account, apitest.Gateway{CertificateID: cert.ID, CustomCertificateID: other}); err != nil {
		t.Fatal(err)
	}
	expect("/gateway/configuration", `{"settings":{"certificate":{"id":"CERT","in_use":true},"custom_certificate":{"id":"OTHER","enabled":true}}}`)
	if err := errors.Join(server.SetHostnames("z", other), server.AddWorker(account, apitest.Worker{Name: "checkout"})); err != nil {
		t.Fatal(err)
	}
	expect(hostnames+"?mtls_certificate_id="+other, `{"hostnames":[]}`)
	expect("/workers/scripts", `[{"id":"checkout"},{"id":"idle"}]`)
	expect("/workers/scripts/checkout/settings", `{"bindings":[]}`)
	for _, path := range []string{
		"/zones/unknown/certificate_authorities/hostname_associations", "/workers/scripts/unknown/settings",
		hostnames + "?mtls_certificate_id=" + strings.Replace(other, "6", "7", 1),
	} {
		if got := sendValid(t, server, "GET", path, ""); got.Status != 404 {
			t.Errorf("%s: %+v", path, got)
		}
	}
}

func TestOperationsOfAnUnknownAccountAreNotFound(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	for _, path := range []string{
		"/mtls_certificates", "/mtls_certificates/c", "/mtls_certificates/c/associations", "/workers/scripts", "/workers/scripts/s/settings",
		"/pages/projects", "/hyperdrive/configs", "/gateway/configuration", "/devices/posture",
	} {
		if got := sendValid(t, server, "GET", path, ""); got.Status != 404 {
			t.Errorf("%s: %+v", path, got)
		}
	}
}

// Package payload creates the responses for every client of the comparison, and
// delivers them in memory or from a handler.
package payload

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// The credentials and the account of every call.
const (
	Token   = "0123456789abcdefghijklmnopqrstuvwxyzABCD"
	Account = "023e105f4ecef8ad9ca31a8372d0c353"
)

// ID returns a certificate id of 32 characters. It encodes rows, the number of
// associations in the response for it. A serial number makes ids differ.
func ID(serial, rows int) string { return fmt.Sprintf("%024x%08x", serial, rows) }

func rowsOf(id string) (int, error) {
	rows, err := strconv.ParseUint(id[max(0, len(id)-8):], 16, 31)
	return int(rows), err
}

var services = []string{"gateway", "access", "zero_trust_gateway_tls_decryption", "hyperdrive", "workers", "api_shield"}

var statuses = []string{"active", "pending_deployment", "pending_deletion"}

type association struct {
	Service string `json:"service"`
	Status  string `json:"status"`
}

type resultInfo struct {
	Count      int `json:"count"`
	Page       int `json:"page"`
	PerPage    int `json:"per_page"`
	TotalCount int `json:"total_count"`
	TotalPages int `json:"total_pages"`
}

type envelope struct {
	Errors     []string      `json:"errors"`
	Messages   []string      `json:"messages"`
	Success    bool          `json:"success"`
	ResultInfo resultInfo    `json:"result_info"`
	Result     []association `json:"result"`
}

// Body returns a complete response with that many associations. Services and statuses
// repeat as in an account; distinct gives every association a service of its own.
func Body(rows int, distinct bool) []byte {
	answer := envelope{
		Errors: []string{}, Messages: []string{}, Success: true, Result: make([]association, rows),
		ResultInfo: resultInfo{Count: rows, Page: 1, PerPage: rows + 1, TotalCount: rows, TotalPages: 1},
	}
	for i := range answer.Result {
		row := association{services[i%len(services)], statuses[i/len(services)%len(statuses)]}
		if distinct {
			row.Service += "_" + strconv.Itoa(i)
		}
		answer.Result[i] = row
	}
	body, err := json.Marshal(answer)
	if err != nil {
		panic(err) // no value of these types fails
	}
	return body
}

// CertificateID returns the id of a certificate of [Page]. All of these are unused.
func CertificateID(serial int) string { return fmt.Sprintf("%08x-0c35-4c7f-82c7-8e9400000000", serial) }

// Page returns a complete response with that many certificates, each with a PEM text
// of about 2 kB.
func Page(certificates int) []byte {
	type certificate struct {
		CA           bool   `json:"ca"`
		Certificates string `json:"certificates"`
		ExpiresOn    string `json:"expires_on"`
		ID           string `json:"id"`
		Issuer       string `json:"issuer"`
		Name         string `json:"name"`
		SerialNumber string `json:"serial_number"`
		Signature    string `json:"signature"`
		Type         string `json:"type"`
		UploadedOn   string `json:"uploaded_on"`
	}
	pem := "-----BEGIN CERTIFICATE-----\n" + strings.Repeat(strings.Repeat("MIIDmDCCAoCgAwIB", 4)+"\n", 30) + "-----END CERTIFICATE-----\n"
	rows := make([]certificate, certificates)
	for i := range rows {
		rows[i] = certificate{
			i%5 == 0, pem, "2031-10-29T16:59:47Z", CertificateID(i), "O=Example Inc.,L=California,ST=San Francisco,C=US",
			"certificate " + strconv.Itoa(i), "235217144297995885180570755458463043449861756659", "SHA256WithRSA", "custom", "2022-11-22T17:32:30.467938Z",
		}
	}
	body, err := json.Marshal(map[string]any{
		"errors": []string{}, "messages": []string{}, "success": true, "result": rows,
		"result_info": resultInfo{Count: certificates, Page: 1, PerPage: certificates + 1, TotalCount: certificates, TotalPages: 1},
	})
	if err != nil {
		panic(err) // no value of these types fails
	}
	return body
}

// Memory is a transport that responds to every request with the same body.
type Memory []byte

var header = http.Header{"Content-Type": {"application/json"}, "Cf-Ray": {"8f1e2d3c4b5a6978-AMS"}}

// RoundTrip responds without a network.
func (m Memory) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(bytes.NewReader(m)), ContentLength: int64(len(m)), Request: req,
	}, nil
}

// Handler serves the account of an inventory. A list of associations has as many items
// as the certificate's id encodes.
func Handler() http.Handler {
	var bodies sync.Map // rows → []byte
	mux := http.NewServeMux()
	for path, body := range account() {
		mux.HandleFunc("GET /client/v4"+path, func(w http.ResponseWriter, _ *http.Request) { write(w, body) })
	}
	mux.HandleFunc("GET /client/v4/accounts/{account}/mtls_certificates/{id}/associations", func(w http.ResponseWriter, r *http.Request) {
		rows, err := rowsOf(r.PathValue("id"))
		if err != nil || r.PathValue("account") != Account || strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ") != Token {
			http.Error(w, "not a request of the comparison", http.StatusBadRequest)
			return
		}
		body, ok := bodies.Load(rows)
		if !ok {
			body, _ = bodies.LoadOrStore(rows, Body(rows, false))
		}
		write(w, body.([]byte))
	})
	return mux
}

func write(w http.ResponseWriter, body []byte) {
	for name, values := range header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // the client may have disconnected
}

// The content of an inventory's account.
const (
	Certificates = 500 // every fifth is a CA
	Zones        = 3
	Workers      = 20
)

// account returns the bodies of an inventory's responses by path, except the lists of
// associations. Nothing uses a certificate.
func account() map[string][]byte {
	type object = map[string]any
	answer := func(result any, count int) []byte {
		body, err := json.Marshal(object{
			"errors": []string{}, "messages": []string{}, "success": true, "result": result,
			"result_info": resultInfo{Count: count, Page: 1, PerPage: 50, TotalCount: count, TotalPages: 1},
		})
		if err != nil {
			panic(err) // no value of these types fails
		}
		return body
	}
	var zones, workers []object
	for i := range Zones {
		zones = append(zones, object{"id": fmt.Sprintf("%032x", i), "name": fmt.Sprintf("%d.example.com", i), "status": "active"})
	}
	for i := range Workers {
		workers = append(workers, object{"id": fmt.Sprintf("worker-%d", i)})
	}
	of := "/accounts/" + Account
	return map[string][]byte{
		of + "/mtls_certificates": Page(Certificates),
		"/zones":                  answer(zones, Zones),
		"/zones/{zone}/certificate_authorities/hostname_associations": answer(object{"hostnames": []string{}}, 0),
		of + "/workers/scripts":                 answer(workers, Workers),
		of + "/workers/scripts/{name}/settings": answer(object{"bindings": []object{}}, 0),
		of + "/pages/projects":                  answer([]object{}, 0),
		of + "/hyperdrive/configs":              answer([]object{}, 0),
		of + "/gateway/configuration":           answer(object{"settings": object{}}, 0),
		of + "/devices/posture":                 answer([]object{}, 0),
	}
}

// Package payload makes the answers that every client of the comparison gets,
// and the two ways they get them: in memory and from a handler.
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

// ID returns the id of a certificate, 32 characters long, that stands for an
// answer with that many associations. A serial number makes ids differ.
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

// Body returns a complete answer with that many associations. Services and
// statuses repeat as they do in an account; distinct gives every association a
// service of its own.
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

// Page returns a complete answer with that many certificates, each with a PEM text
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
			i%5 == 0, pem, "2031-10-29T16:59:47Z", fmt.Sprintf("2458ce5a-0c35-4c7f-82c7-%012d", i), "O=Example Inc.,L=California,ST=San Francisco,C=US",
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

// Memory is a transport that answers every request with the same body.
type Memory []byte

var header = http.Header{"Content-Type": {"application/json"}, "Cf-Ray": {"8f1e2d3c4b5a6978-AMS"}}

// RoundTrip answers without a network.
func (m Memory) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(bytes.NewReader(m)), ContentLength: int64(len(m)), Request: req,
	}, nil
}

// Handler answers with the number of associations that the id of the
// certificate stands for.
func Handler() http.Handler {
	var bodies sync.Map // rows → []byte
	mux := http.NewServeMux()
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
		for name, values := range header {
			w.Header()[name] = values
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(body.([]byte))))
		_, _ = w.Write(body.([]byte)) // a client that goes away is its own affair
	})
	return mux
}

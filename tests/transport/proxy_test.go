package transport

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
)

// proxy tunnels all connections to one address, and records their CONNECT requests.
type proxy struct {
	net.Listener
	target string

	mu           sync.Mutex
	requestLines []string
	headerLines  []string
	tunnels      sync.WaitGroup
}

func startProxy(t *testing.T, target string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: listener, target: target}
	p.tunnels.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			p.tunnels.Go(func() { p.tunnel(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		p.tunnels.Wait()
	})
	return p
}

func (p *proxy) Addr() string { return p.Listener.Addr().String() }

func (p *proxy) requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requestLines
}

func (p *proxy) headers() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.headerLines
}

func (p *proxy) tunnel(client net.Conn) {
	defer func() { _ = client.Close() }()
	reader := bufio.NewReader(client)
	request, err := http.ReadRequest(reader)
	if err != nil {
		return
	}
	p.mu.Lock()
	p.requestLines = append(p.requestLines, request.Method+" "+request.RequestURI)
	for name, values := range request.Header {
		for _, value := range values {
			p.headerLines = append(p.headerLines, name+": "+value)
		}
	}
	p.mu.Unlock()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	if _, err := io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		return
	}
	responseCopied := make(chan struct{})
	go func() {
		defer close(responseCopied)
		_, _ = io.Copy(client, server)
		_ = client.Close()
	}()
	_, _ = io.Copy(server, reader)
	_ = server.Close()
	<-responseCopied
}

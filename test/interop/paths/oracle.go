// What Go's crypto/x509 says about certification paths: a line of JSON for each, in and out (see oracles.ts).
package main

import (
	"bufio"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"time"
)

type pathCase struct {
	Leaf               []byte   `json:"leaf"`
	Intermediates      [][]byte `json:"intermediates"`
	Anchors            [][]byte `json:"anchors"`
	Host               string   `json:"host"`
	Time               int64    `json:"time"`
	RevocationRequired bool     `json:"revocationRequired"`
}

func pool(list [][]byte) *x509.CertPool {
	result := x509.NewCertPool()
	for _, der := range list {
		if certificate, err := x509.ParseCertificate(der); err == nil {
			result.AddCert(certificate)
		}
	}
	return result
}

func verify(one pathCase) string {
	leaf, err := x509.ParseCertificate(one.Leaf)
	if err != nil {
		return "unreadable: " + err.Error()
	}
	_, err = leaf.Verify(x509.VerifyOptions{
		DNSName:       one.Host,
		Intermediates: pool(one.Intermediates),
		Roots:         pool(one.Anchors),
		CurrentTime:   time.Unix(one.Time, 0),
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		return err.Error()
	}
	return "ok"
}

func main() {
	out := json.NewEncoder(os.Stdout)
	out.Encode(map[string]string{"go": "Go " + runtime.Version()})
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var one pathCase
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		verdict := map[string]string{}
		if !one.RevocationRequired {
			verdict["go"] = verify(one)
		}
		out.Encode(verdict)
	}
}

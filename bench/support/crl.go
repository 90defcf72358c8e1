// The lists of Go's crypto/x509, beside ours: `crl write INDEX OUT` signs the revocations of an OpenSSL index, `crl read LIST ISSUER` reads a list, verifies it and
// indexes it. Nothing but Go's own library, from Go 1.19 on.
package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"log"
	"math/big"
	"os"
	"time"
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func write(index, out string) {
	superseded := pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 21}, Value: must(asn1.Marshal(asn1.Enumerated(4)))}
	file := must(os.Open(index))
	var revoked []pkix.RevokedCertificate
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := bytes.Split(lines.Bytes(), []byte{'\t'})
		date, _, _ := bytes.Cut(fields[2], []byte{','})
		serial, ok := new(big.Int).SetString(string(fields[3]), 16)
		if !ok {
			log.Fatalf("%s is no serial number", fields[3])
		}
		revoked = append(revoked, pkix.RevokedCertificate{
			SerialNumber:   serial,
			RevocationTime: must(time.Parse("060102150405Z", string(date))),
			Extensions:     []pkix.Extension{superseded},
		})
	}
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Bench CA"}, NotBefore: now, NotAfter: now.Add(240 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCRLSign, SubjectKeyId: []byte{1},
	}
	issuer := must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))))
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: now, NextUpdate: now.Add(24 * time.Hour), RevokedCertificates: revoked}
	octets := must(x509.CreateRevocationList(rand.Reader, list, issuer, key))
	if err := os.WriteFile(out, octets, 0o644); err != nil {
		log.Fatal(err)
	}
}

func read(path, issuerPath string) {
	block, _ := pem.Decode(must(os.ReadFile(issuerPath)))
	issuer := must(x509.ParseCertificate(block.Bytes))
	list := must(x509.ParseRevocationList(must(os.ReadFile(path))))
	if err := list.CheckSignatureFrom(issuer); err != nil {
		log.Fatal(err)
	}
	index := make(map[string]struct{}, len(list.RevokedCertificates))
	for _, entry := range list.RevokedCertificates {
		index[string(entry.SerialNumber.Bytes())] = struct{}{}
	}
	if len(index) != len(list.RevokedCertificates) {
		log.Fatal("a serial number stands twice")
	}
}

func main() {
	switch os.Args[1] {
	case "write":
		write(os.Args[2], os.Args[3])
	case "read":
		read(os.Args[2], os.Args[3])
	}
}

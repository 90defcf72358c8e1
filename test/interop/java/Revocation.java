import java.io.InputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertStore;
import java.security.cert.CertificateFactory;
import java.security.cert.CertificateRevokedException;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXParameters;
import java.security.cert.PKIXRevocationChecker;
import java.security.cert.PKIXRevocationChecker.Option;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** What Java's PKIX says of a path, every certificate of it asked about: `ocsp URL ROOT ISSUING LEAF…` or `lists FILES ROOT ISSUING LEAF…`, a line for each leaf. */
public class Revocation {
  public static void main(String[] arguments) throws Exception {
    var factory = CertificateFactory.getInstance("X.509");
    var anchor = new TrustAnchor(read(factory, arguments[2]), null);
    var issuing = read(factory, arguments[3]);
    for (int i = 4; i < arguments.length; i++) {
      var validator = CertPathValidator.getInstance("PKIX");
      var parameters = new PKIXParameters(Set.of(anchor));
      var checker = (PKIXRevocationChecker) validator.getRevocationChecker();
      if (arguments[0].equals("ocsp")) {
        checker.setOcspResponder(URI.create(arguments[1]));
        checker.setOptions(EnumSet.of(Option.NO_FALLBACK));
      } else {
        var lists = new HashSet<Object>();
        for (var list : arguments[1].split(","))
          try (var file = Files.newInputStream(Path.of(list))) {
            lists.add(factory.generateCRL(file));
          }
        parameters.addCertStore(CertStore.getInstance("Collection", new CollectionCertStoreParameters(lists)));
        checker.setOptions(EnumSet.of(Option.PREFER_CRLS, Option.NO_FALLBACK));
      }
      parameters.addCertPathChecker(checker);
      try {
        validator.validate(factory.generateCertPath(List.of(read(factory, arguments[i]), issuing)), parameters);
        System.out.println("good");
      } catch (CertPathValidatorException refused) {
        System.out.println(
            refused.getCause() instanceof CertificateRevokedException revoked
                ? "revoked " + revoked.getRevocationReason() + " at " + refused.getIndex()
                : refused.getReason() + " " + refused.getMessage());
      }
    }
  }

  static X509Certificate read(CertificateFactory factory, String path) throws Exception {
    try (InputStream file = Files.newInputStream(Path.of(path))) {
      return (X509Certificate) factory.generateCertificate(file);
    }
  }
}

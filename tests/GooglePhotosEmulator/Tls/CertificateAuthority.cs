using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace GooglePhotosEmulator.Tls;

/// <summary>
/// A certificate authority that lives as long as the emulator, and the leaf certificates that it issues for Google's host names when
/// a client asks for them.
/// </summary>
internal sealed class CertificateAuthority : IDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _root;
    private readonly ConcurrentDictionary<string, Lazy<X509Certificate2>> _leaves = new(StringComparer.OrdinalIgnoreCase);
    private readonly DateTimeOffset _now;

    public CertificateAuthority()
    {
        // Wall-clock time on purpose: TLS clients judge validity by it, whatever clock the emulator simulates.
        _now = TimeProvider.System.GetUtcNow();
        var request = new CertificateRequest("CN=Google Photos emulator, O=Kloset Operator tests", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        _root = request.CreateSelfSigned(_now.AddDays(-1), _now.AddDays(365));
    }

    /// <summary>The authority's certificate, PEM.</summary>
    public string Pem => _root.ExportCertificatePem() + "\n";

    public X509Certificate2 LeafFor(string host) =>
        _leaves.GetOrAdd(host, static (name, authority) => new Lazy<X509Certificate2>(() => authority.Issue(name)), this).Value;

    public void Dispose()
    {
        foreach (var leaf in _leaves.Values.Where(leaf => leaf.IsValueCreated))
        {
            leaf.Value.Dispose();
        }

        _root.Dispose();
        _key.Dispose();
    }

    private X509Certificate2 Issue(string host)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={host}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], false));
        var names = new SubjectAlternativeNameBuilder();
        if (System.Net.IPAddress.TryParse(host, out var address))
        {
            names.AddIpAddress(address);
        }
        else
        {
            names.AddDnsName(host);
        }

        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_root, true, false));
        using var issued = request.Create(_root, _now.AddDays(-1), _now.AddDays(90), RandomNumberGenerator.GetBytes(16));
        using var complete = issued.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(complete.Export(X509ContentType.Pkcs12), null);
    }
}

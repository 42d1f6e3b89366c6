using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ControlPlane;

/// <summary>The certificates of one control plane: made at its start, gone with it.</summary>
internal sealed class Authority : IDisposable
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(2);

    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _certificate;

    public Authority(string directory)
    {
        Directory = directory;
        System.IO.Directory.CreateDirectory(directory);
        var request = new CertificateRequest("CN=test-ca", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, pathLengthConstraint: 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign | X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        _certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow + Lifetime);
        File.WriteAllText(CertificateFile, CertificatePem);
    }

    public string Directory { get; }

    public string CertificateFile => Path.Combine(Directory, "ca.crt");

    public string CertificatePem => _certificate.ExportCertificatePem();

    /// <summary>A certificate and its key, as PEM. Kubernetes reads the common name as the user and organisations as groups.</summary>
    public (string Certificate, string Key) Issue(string commonName, IReadOnlyList<string> organisations, IReadOnlyList<string> serverNames)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var name = new X500DistinguishedNameBuilder();
        foreach (var organisation in organisations)
        {
            name.AddOrganizationName(organisation);
        }

        name.AddCommonName(commonName);
        var request = new CertificateRequest(name.Build(), key, HashAlgorithmName.SHA256);
        var serverAuthentication = new Oid("1.3.6.1.5.5.7.3.1");
        var clientAuthentication = new Oid("1.3.6.1.5.5.7.3.2");
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([serverNames.Count > 0 ? serverAuthentication : clientAuthentication], critical: false));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        if (serverNames.Count > 0)
        {
            var names = new SubjectAlternativeNameBuilder();
            foreach (var serverName in serverNames)
            {
                if (IPAddress.TryParse(serverName, out var address))
                {
                    names.AddIpAddress(address);
                }
                else
                {
                    names.AddDnsName(serverName);
                }
            }

            request.CertificateExtensions.Add(names.Build());
        }

        using var certificate = request.Create(_certificate, DateTimeOffset.UtcNow.AddHours(-1), _certificate.NotAfter.ToUniversalTime().AddMinutes(-1), RandomNumberGenerator.GetBytes(16));
        return (certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }

    public (string Certificate, string Key) WriteFiles(string file, string commonName, IReadOnlyList<string> organisations, IReadOnlyList<string> serverNames)
    {
        var (certificate, key) = Issue(commonName, organisations, serverNames);
        var paths = (Path.Combine(Directory, file + ".crt"), Path.Combine(Directory, file + ".key"));
        File.WriteAllText(paths.Item1, certificate);
        File.WriteAllText(paths.Item2, key);
        return paths;
    }

    public (string Private, string Public) WriteServiceAccountKeys()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var paths = (Path.Combine(Directory, "sa.key"), Path.Combine(Directory, "sa.pub"));
        File.WriteAllText(paths.Item1, key.ExportECPrivateKeyPem());
        File.WriteAllText(paths.Item2, key.ExportSubjectPublicKeyInfoPem());
        return paths;
    }

    public void Dispose()
    {
        _certificate.Dispose();
        _key.Dispose();
    }
}

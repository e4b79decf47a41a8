using System.Text;

namespace Ote.Testing.Kubernetes;

/// <summary>Writes the kubeconfig files the real programs are started with.</summary>
public static class KubeconfigFile
{
    /// <summary>One cluster, one user with a client certificate, one context; everything inside the file. Returns the path.</summary>
    public static string Write(string path, string cluster, Uri server, string authority, IssuedCertificate client)
    {
        File.WriteAllText(path, $"""
            apiVersion: v1
            kind: Config
            clusters:
            - name: {cluster}
              cluster:
                server: {server.GetLeftPart(UriPartial.Authority)}
                certificate-authority-data: {Base64(authority)}
            users:
            - name: {cluster}
              user:
                client-certificate-data: {Base64(client.Certificate)}
                client-key-data: {Base64(client.Key)}
            contexts:
            - name: {cluster}
              context:
                cluster: {cluster}
                user: {cluster}
            current-context: {cluster}

            """, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        return path;
    }

    private static string Base64(string pem) => Convert.ToBase64String(Encoding.ASCII.GetBytes(pem));
}

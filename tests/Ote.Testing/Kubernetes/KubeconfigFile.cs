using System.Text;

namespace Ote.Testing.Kubernetes;

/// <summary>Writes the kubeconfig files the real programs are started with.</summary>
public static class KubeconfigFile
{
    /// <summary>One cluster, one user with a client certificate, one context; everything inside the file. Returns the path.</summary>
    public static string Write(string path, string cluster, Uri server, string authority, IssuedCertificate client) =>
        Write(path, cluster, server, authority, $"client-certificate-data: {Base64(client.Certificate)}", $"client-key-data: {Base64(client.Key)}");

    /// <summary>The same, naming files with the client's certificate and key, as a kubelet has it that renews its own. Returns the path.</summary>
    public static string WriteNaming(string certificateFile, string keyFile, string path, string cluster, Uri server, string authority) =>
        Write(path, cluster, server, authority, $"client-certificate: {certificateFile}", $"client-key: {keyFile}");

    private static string Write(string path, string cluster, Uri server, string authority, string certificate, string key)
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
                {certificate}
                {key}
            contexts:
            - name: {cluster}
              context:
                cluster: {cluster}
                user: {cluster}
            current-context: {cluster}

            """, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        return path;
    }

    /// <summary>The same with these files beside it (<c>.crt</c>, <c>.key</c>). Returns the path.</summary>
    public static string WriteWithFiles(string path, string cluster, Uri server, string authority, IssuedCertificate client)
    {
        WriteFiles(path, client);
        return WriteNaming($"{path}.crt", $"{path}.key", path, cluster, server, authority);
    }

    /// <summary>Renews the certificate beside a kubeconfig.</summary>
    public static void WriteFiles(string path, IssuedCertificate client)
    {
        File.WriteAllText(path + ".key", client.Key);
        File.WriteAllText(path + ".crt", client.Certificate);
    }

    private static string Base64(string pem) => Convert.ToBase64String(Encoding.ASCII.GetBytes(pem));
}

using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Kube.Client;

/// <summary>Reads and writes kubectl's configuration files.</summary>
public static class Kubeconfig
{
    private const int MostNames = 5;

    /// <summary>Whether <c>$KUBECONFIG</c> names a file, which <see cref="DefaultPath"/> then takes where no other is named.</summary>
    public static bool IsListed => Listed.Length > 0;

    private static string[] Listed => Environment.GetEnvironmentVariable("KUBECONFIG")?.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries) ?? [];

    /// <summary>
    /// The file kubectl would use: <paramref name="explicitPath"/>, else the first existing file of <c>$KUBECONFIG</c>, else <c>~/.kube/config</c>.
    /// </summary>
    public static string DefaultPath(string? explicitPath)
    {
        if (!string.IsNullOrEmpty(explicitPath))
        {
            return explicitPath;
        }

        var listed = Listed;
        return listed.FirstOrDefault(File.Exists)
            ?? listed.FirstOrDefault()
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".kube", "config");
    }

    /// <summary>Reads the endpoint of a context.</summary>
    /// <param name="path">The file.</param>
    /// <param name="context">Context name; the file's current-context when null.</param>
    /// <exception cref="KubeconfigException">The file is missing, unreadable or incomplete.</exception>
    public static KubeEndpoint Load(string path, string? context = null)
    {
        JsonObject config;
        try
        {
            config = Yaml.ReadObject(File.ReadAllText(path));
        }
        catch (UnauthorizedAccessException aFolder) when (Directory.Exists(path))
        {
            throw new KubeconfigException($"kubeconfig {path}: it is a directory. Give the path of a kubeconfig in it.", aFolder);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new KubeconfigException($"kubeconfig {path}: {unreadable.Message} Give the path of a readable kubeconfig.", unreadable);
        }
        catch (FormatException bad)
        {
            throw new KubeconfigException($"kubeconfig {path}: {bad.Message.TrimEnd('.')}. Correct the file.", bad);
        }

        var contextName = context ?? config.Text("current-context");
        if (string.IsNullOrEmpty(contextName))
        {
            throw new KubeconfigException($"kubeconfig {path}: it has no current-context; name one{Choice(config, "contexts")}, or set it with kubectl config use-context.");
        }

        var chosen = Named(config, "contexts", contextName, "context", path);
        var cluster = Named(config, "clusters", chosen.Text("cluster") ?? "", "cluster", path);
        var user = string.IsNullOrEmpty(chosen.Text("user")) ? [] : Named(config, "users", chosen.Text("user")!, "user", path);
        var server = cluster.Text("server");
        if (!Uri.TryCreate(server, UriKind.Absolute, out var address) || address.Scheme is not ("https" or "http"))
        {
            throw new KubeconfigException($"kubeconfig {path}: cluster '{chosen.Text("cluster")}' has no valid server URL ('{server}'); correct the file.");
        }

        var folder = Path.GetDirectoryName(Path.GetFullPath(path)) ?? ".";
        try
        {
            var renewed = Renewed(user, folder);
            return new KubeEndpoint(address)
            {
                Authorities = Material(cluster, "certificate-authority", folder) is { } bundle ? Certificates(bundle) : [],
                SkipServerVerification = cluster.Truth("insecure-skip-tls-verify") ?? false,
                ServerName = cluster.Text("tls-server-name"),
                Proxy = cluster.Text("proxy-url"),
                ClientCertificate = renewed?.Current ?? ClientCertificate(user, folder),
                RenewedCertificate = renewed,
                Token = user.Text("token"),
                TokenFile = user.Text("tokenFile") is { } file ? Path.Combine(folder, file) : null,
                Username = user.Text("username"),
                Password = user.Text("password"),
                Exec = user["exec"] is JsonObject exec ? ExecCredential.From(exec) : null,
                Namespace = chosen.Text("namespace"),
            };
        }
        catch (Exception bad) when (bad is CryptographicException or FormatException or IOException or UnauthorizedAccessException)
        {
            throw new KubeconfigException($"kubeconfig {path}: credentials of context '{contextName}' cannot be read: {bad.Message.TrimEnd('.')}; correct the file, or get a new one from whoever runs the server.", bad);
        }
    }

    /// <summary>A kubeconfig for one server and one client certificate.</summary>
    /// <param name="server">The API server's URL.</param>
    /// <param name="name">Cluster, user and context name.</param>
    /// <param name="authorityPem">The server's CA.</param>
    /// <param name="certificatePem">The client's certificate.</param>
    /// <param name="keyPem">The client's private key.</param>
    public static string Write(Uri server, string name, string authorityPem, string certificatePem, string keyPem)
    {
        static string Data(string pem) => Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(pem));
        return $"""
            apiVersion: v1
            kind: Config
            clusters:
            - name: {name}
              cluster:
                server: {server.ToString().TrimEnd('/')}
                certificate-authority-data: {Data(authorityPem)}
            users:
            - name: {name}-admin
              user:
                client-certificate-data: {Data(certificatePem)}
                client-key-data: {Data(keyPem)}
            contexts:
            - name: {name}
              context:
                cluster: {name}
                user: {name}-admin
            current-context: {name}

            """;
    }

    private static JsonObject Named(JsonObject config, string list, string name, string what, string path)
    {
        var entry = config.Items(list)?.OfType<JsonObject>().FirstOrDefault(e => e.Text("name") == name);
        return entry?[what] as JsonObject
            ?? throw new KubeconfigException($"kubeconfig {path}: it has no {what} named '{name}'; name another{Choice(config, list)}, or correct the file.");
    }

    /// <summary>The names there are, for who named another.</summary>
    private static string Choice(JsonObject config, string list)
    {
        var names = config.Items(list)?.Select(e => e.Text("name")).Where(n => !string.IsNullOrEmpty(n)).ToArray() ?? [];
        return names.Length == 0 ? "" : $" ({string.Join(", ", names.Take(MostNames))}{(names.Length > MostNames ? ", ..." : "")})";
    }

    private static byte[]? Material(JsonObject from, string field, string folder) =>
        from.Text(field + "-data") is { Length: > 0 } data ? Convert.FromBase64String(data)
        : from.Text(field) is { Length: > 0 } file ? File.ReadAllBytes(Path.Combine(folder, file))
        : null;

    private static X509Certificate2? ClientCertificate(JsonObject user, string folder)
    {
        var certificate = Material(user, "client-certificate", folder);
        var key = Material(user, "client-key", folder);
        if (certificate is null || key is null)
        {
            return null;
        }

        return RenewedCertificate.Pair(System.Text.Encoding.UTF8.GetString(certificate), System.Text.Encoding.UTF8.GetString(key));
    }

    /// <summary>Only what lies in files can be renewed.</summary>
    private static RenewedCertificate? Renewed(JsonObject user, string folder) =>
        string.IsNullOrEmpty(user.Text("client-certificate-data")) && string.IsNullOrEmpty(user.Text("client-key-data"))
            && user.Text("client-certificate") is { Length: > 0 } certificate && user.Text("client-key") is { Length: > 0 } key
            ? new RenewedCertificate(Path.Combine(folder, certificate), Path.Combine(folder, key)) : null;

    private static X509Certificate2Collection Certificates(byte[] material)
    {
        var all = new X509Certificate2Collection();
        var text = System.Text.Encoding.UTF8.GetString(material);
        if (text.Contains("-----BEGIN", StringComparison.Ordinal))
        {
            all.ImportFromPem(text);
        }
        else
        {
            all.Add(X509CertificateLoader.LoadCertificate(material));
        }

        return all;
    }
}

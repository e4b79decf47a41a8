using Ote.Kube.Client;

namespace Ote.Tests.Kube.Client;

/// <summary>A kubeconfig that cannot be used says what is wrong with which file, and what to do.</summary>
public sealed class KubeconfigTests : IDisposable
{
    private const string Usable = """
        current-context: a
        clusters: [{name: ca, cluster: {server: "https://a"}}, {name: bad, cluster: {server: nowhere}}]
        users: [{name: ua, user: {}}, {name: torn, user: {client-certificate-data: "%", client-key-data: "%"}}]
        contexts:
        - {name: a, context: {cluster: ca, user: ua}}
        - {name: lost, context: {cluster: gone, user: ua}}
        - {name: bad, context: {cluster: bad}}
        - {name: torn, context: {cluster: ca, user: torn}}
        """;

    private readonly string _file = Path.GetTempFileName();

    [Theory]
    [InlineData("nope", "it has no context named 'nope'; name another (a, lost, bad, torn), or correct the file.")]
    [InlineData("lost", "it has no cluster named 'gone'; name another (ca, bad), or correct the file.")]
    [InlineData("bad", "cluster 'bad' has no valid server URL ('nowhere'); correct the file.")]
    [InlineData("torn", "correct the file, or get a new one from whoever runs the server.")]
    public void Each_fault_names_the_file_the_cause_and_the_next_step(string context, string expected)
    {
        File.WriteAllText(_file, Usable);
        var refused = Assert.Throws<KubeconfigException>(() => Kubeconfig.Load(_file, context));
        Assert.StartsWith($"kubeconfig {_file}: ", refused.Message, StringComparison.Ordinal);
        Assert.EndsWith(expected, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_without_a_current_context_lists_those_it_has()
    {
        File.WriteAllText(_file, "contexts: [{name: a}, {name: b}]");
        Assert.Contains("name one (a, b), or set it with kubectl config use-context", Assert.Throws<KubeconfigException>(() => Kubeconfig.Load(_file)).Message, StringComparison.Ordinal);
        File.WriteAllText(_file, "contexts: [{name: a}, {name: b}, {name: c}, {name: d}, {name: e}, {name: f}]");
        Assert.Contains("(a, b, c, d, e, ...)", Assert.Throws<KubeconfigException>(() => Kubeconfig.Load(_file)).Message, StringComparison.Ordinal);
    }

    public void Dispose() => File.Delete(_file);
}

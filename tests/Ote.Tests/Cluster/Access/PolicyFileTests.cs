using Ote.Cluster.Access;

namespace Ote.Tests.Cluster.Access;

public sealed class PolicyFileTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Theory]
    [InlineData("kind: ConfigMap", "document 1 is no CommandPolicy of ote.baidu.com/v1")]
    [InlineData("a: [", "not valid YAML")]
    [InlineData("{apiVersion: ote.baidu.com/v1, kind: CommandPolicy, metadata: {name: p}, spec: {subjects: [{kind: User, name: a}], clusters: 'a=='}}", "policy 'p': spec.clusters:")]
    [InlineData("{apiVersion: ote.baidu.com/v1, kind: CommandPolicy, metadata: {name: p}, spec: {subjects: [{kind: Robot, name: a}]}}", "spec.subjects[0]: kind is User or Group")]
    [InlineData("{apiVersion: ote.baidu.com/v1, kind: CommandPolicy, metadata: {name: p}, spec: {subjects: [], rules: [{verbs: [get]}]}}", "spec.rules[0]: give apiGroups and resources")]
    public void File_with_a_fault_is_not_used_in_part(string text, string why)
    {
        File.WriteAllText(_file, text);
        var told = Assert.Throws<FormatException>(() => PolicyFile.Load(_file, "c1")).Message;
        Assert.Contains(why, told, StringComparison.Ordinal);
        Assert.EndsWith("; correct the file and start again", told, StringComparison.Ordinal);
    }

    [Fact]
    public void File_that_others_may_write_is_refused()
    {
        File.WriteAllText(_file, Policies.Text("p", "subjects: []"));
        File.SetUnixFileMode(_file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        Assert.False(PolicyFile.Load(_file, "c1").IsOpen);
        File.SetUnixFileMode(_file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupWrite);
        Assert.Contains("others may write it", Assert.Throws<FormatException>(() => PolicyFile.Load(_file, "c1")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void File_that_is_missing_is_said()
    {
        var told = Assert.Throws<FormatException>(() => PolicyFile.Load(_file + ".none", "c1")).Message;
        Assert.Contains("--command-policy", told, StringComparison.Ordinal);
        Assert.EndsWith("; give a file that this process may read", told, StringComparison.Ordinal);
    }
}

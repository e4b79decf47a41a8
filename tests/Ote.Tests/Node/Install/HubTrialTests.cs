using Ote.Node.Install;

namespace Ote.Tests.Node.Install;

public sealed class HubTrialTests
{
    [Fact]
    public void Of_what_a_trial_logs_the_warnings_alone_are_told_in_their_own_words()
    {
        string[] log =
        [
            "2026-11-29T16:00:00.000Z info: Ote.EdgeHub[7001] The hub warn: not this",
            "2026-11-29T16:00:00.001Z warn: Ote.EdgeHub[7011] None of the kubeconfigs is the kubelet's (user system:node:[a] b)",
            """{"EventId":7029,"LogLevel":"Warning","Category":"Ote.EdgeHub","Message":"The certificate ran out"}""",
            """{"EventId":7001,"LogLevel":"Information","Category":"Ote.EdgeHub","Message":"Not this"}""",
            "{ no JSON",
            "",
        ];
        Assert.Equal(["None of the kubeconfigs is the kubelet's (user system:node:[a] b)", "The certificate ran out"], HubTrial.Warnings(string.Join('\n', log)));
    }
}

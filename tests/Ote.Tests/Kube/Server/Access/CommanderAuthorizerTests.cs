using Ote.Kube.Server.Access;

namespace Ote.Tests.Kube.Server.Access;

public sealed class CommanderAuthorizerTests
{
    [Theory]
    [InlineData("ote:commanders", "create", "clustercontrollers", "shop", true)]
    [InlineData("ote:commanders", "list", "clustercontrollerresults", null, true)]
    [InlineData("ote:commanders", "get", "clusters", null, true)]
    [InlineData("ote:commanders", "patch", "clusters", null, false)]
    [InlineData("ote:commanders", "update", "clustercontrollers/status", "shop", false)]
    [InlineData("ote:commanders", "create", "clustercontrollerresults", "shop", false)]
    [InlineData("ote:commanders", "create", "commandpolicies", null, false)]
    [InlineData("ote:commanders", "create", "jointokens", null, false)]
    [InlineData("ote:commanders:shop", "create", "clustercontrollers", "shop", true)]
    [InlineData("ote:commanders:shop", "list", "clustercontrollerresults", "shop", true)]
    [InlineData("ote:commanders:shop", "get", "clusters", null, true)]
    [InlineData("ote:commanders:shop", "create", "clustercontrollers", "other", false)]
    [InlineData("ote:commanders:shop", "list", "clustercontrollers", null, false)]
    [InlineData("shop", "create", "clustercontrollers", "shop", false)]
    [InlineData("system:masters", "create", "commandpolicies", null, true)]
    public void Commanders_write_commands_and_nothing_that_says_who_may(string group, string verb, string resource, string? ns, bool allowed) =>
        Assert.Equal(allowed, new CommanderAuthorizer().Refuse(new UserInfo("jo", [group]), new AccessRequest(verb, "ote.baidu.com", resource, ns, null)) is null);

    [Fact]
    public void Objects_of_other_groups_are_not_theirs() =>
        Assert.NotNull(new CommanderAuthorizer().Refuse(new UserInfo("jo", ["ote:commanders"]), new AccessRequest("get", "", "secrets", "shop", "x")));
}

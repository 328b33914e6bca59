package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
)

// completionPatience bounds what a press of the tab key waits for a hub.
const completionPatience = time.Second

func newCompletion(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "completion bash|zsh|fish|powershell", Short: "Print a shell's completion script",
		Long: `Prints a script that completes commands, flags, files and the names of topics of a running hub:

  bash        source <(weir completion bash)
  zsh         weir completion zsh > "${fpath[1]}/_weir"
  fish        weir completion fish > ~/.config/fish/completions/weir.fish
  powershell  weir completion powershell | Out-String | Invoke-Expression`,
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		Args:      args(cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs)),
		RunE: func(c *cobra.Command, v []string) error {
			switch root := c.Root(); v[0] {
			case "bash":
				return root.GenBashCompletionV2(a.out, true)
			case "zsh":
				return root.GenZshCompletion(a.out)
			case "fish":
				return root.GenFishCompletion(a.out, true)
			default:
				return root.GenPowerShellCompletionWithDesc(a.out)
			}
		},
	}
}

// completeFile completes the one FILE of a command.
func completeFile(_ *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(given) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
}

// completeTopic completes a topic's name, as far as a hub answers in time.
func (a *app) completeTopic(c *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(given) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(c.Context(), completionPatience)
	defer cancel()
	var names []string
	_ = a.kafkaAdmin(ctx, func(ctx context.Context, adm *kadm.Client) error {
		topics, err := adm.ListTopics(ctx)
		names = topics.Names()
		return err
	}) // without a hub there is nothing to offer
	return names, cobra.ShellCompDirectiveNoFileComp
}

package ui

// IconName is the name of a symbol in the icon sprite.
type IconName string

// The icons of the sprite. Their names follow what they show, as in the set they come from.
const (
	IconActivity        IconName = "activity"
	IconAppWindow       IconName = "app-window"
	IconArrowDown       IconName = "arrow-down"
	IconArrowLeft       IconName = "arrow-left"
	IconArrowRight      IconName = "arrow-right"
	IconArrowUp         IconName = "arrow-up"
	IconBan             IconName = "ban"
	IconBell            IconName = "bell"
	IconBot             IconName = "bot"
	IconCalendar        IconName = "calendar"
	IconCheck           IconName = "check"
	IconChevronDown     IconName = "chevron-down"
	IconChevronLeft     IconName = "chevron-left"
	IconChevronRight    IconName = "chevron-right"
	IconChevronUp       IconName = "chevron-up"
	IconChevronsUpDown  IconName = "chevrons-up-down"
	IconCircleAlert     IconName = "circle-alert"
	IconCircleCheck     IconName = "circle-check"
	IconCircleHelp      IconName = "circle-help"
	IconCircleMinus     IconName = "circle-minus"
	IconCircleUser      IconName = "circle-user"
	IconCircleX         IconName = "circle-x"
	IconClock           IconName = "clock"
	IconCopy            IconName = "copy"
	IconCornerDownRight IconName = "corner-down-right"
	IconDatabase        IconName = "database"
	IconDownload        IconName = "download"
	IconEllipsis        IconName = "ellipsis"
	IconExternalLink    IconName = "external-link"
	IconEye             IconName = "eye"
	IconEyeOff          IconName = "eye-off"
	IconFileCode        IconName = "file-code"
	IconFileText        IconName = "file-text"
	IconFingerprint     IconName = "fingerprint"
	IconFlag            IconName = "flag"
	IconFolderTree      IconName = "folder-tree"
	IconGate            IconName = "gate"
	IconGauge           IconName = "gauge"
	IconGlobe           IconName = "globe"
	IconGripVertical    IconName = "grip-vertical"
	IconHistory         IconName = "history"
	IconHouse           IconName = "house"
	IconIdCard          IconName = "id-card"
	IconInbox           IconName = "inbox"
	IconInfo            IconName = "info"
	IconKeyRound        IconName = "key-round"
	IconLaptop          IconName = "laptop"
	IconLayers          IconName = "layers"
	IconLayoutGrid      IconName = "layout-grid"
	IconLink            IconName = "link"
	IconListFilter      IconName = "list-filter"
	IconLock            IconName = "lock"
	IconLockOpen        IconName = "lock-open"
	IconLogIn           IconName = "log-in"
	IconLogOut          IconName = "log-out"
	IconMail            IconName = "mail"
	IconMapPin          IconName = "map-pin"
	IconMenu            IconName = "menu"
	IconMinus           IconName = "minus"
	IconMoon            IconName = "moon"
	IconOctagonAlert    IconName = "octagon-alert"
	IconPalette         IconName = "palette"
	IconPencil          IconName = "pencil"
	IconPlay            IconName = "play"
	IconPlus            IconName = "plus"
	IconRefreshCw       IconName = "refresh-cw"
	IconRotateCcw       IconName = "rotate-ccw"
	IconScale           IconName = "scale"
	IconScrollText      IconName = "scroll-text"
	IconSearch          IconName = "search"
	IconSearchX         IconName = "search-x"
	IconSend            IconName = "send"
	IconServer          IconName = "server"
	IconSettings        IconName = "settings"
	IconShield          IconName = "shield"
	IconShieldAlert     IconName = "shield-alert"
	IconShieldBan       IconName = "shield-ban"
	IconShieldCheck     IconName = "shield-check"
	IconShieldUser      IconName = "shield-user"
	IconSmartphone      IconName = "smartphone"
	IconSun             IconName = "sun"
	IconSunMoon         IconName = "sun-moon"
	IconTag             IconName = "tag"
	IconTextCursorInput IconName = "text-cursor-input"
	IconTicket          IconName = "ticket"
	IconTrash           IconName = "trash-2"
	IconTriangleAlert   IconName = "triangle-alert"
	IconUpload          IconName = "upload"
	IconUser            IconName = "user"
	IconUserCheck       IconName = "user-check"
	IconUserLock        IconName = "user-lock"
	IconUserPlus        IconName = "user-plus"
	IconUserX           IconName = "user-x"
	IconUsers           IconName = "users"
	IconWorkflow        IconName = "workflow"
	IconX               IconName = "x"
	IconZap             IconName = "zap"
)

// Icons lists every icon of the sprite, for the storybook and for tests.
func Icons() []IconName {
	return []IconName{
		IconActivity,
		IconAppWindow,
		IconArrowDown,
		IconArrowLeft,
		IconArrowRight,
		IconArrowUp,
		IconBan,
		IconBell,
		IconBot,
		IconCalendar,
		IconCheck,
		IconChevronDown,
		IconChevronLeft,
		IconChevronRight,
		IconChevronUp,
		IconChevronsUpDown,
		IconCircleAlert,
		IconCircleCheck,
		IconCircleHelp,
		IconCircleMinus,
		IconCircleUser,
		IconCircleX,
		IconClock,
		IconCopy,
		IconCornerDownRight,
		IconDatabase,
		IconDownload,
		IconEllipsis,
		IconExternalLink,
		IconEye,
		IconEyeOff,
		IconFileCode,
		IconFileText,
		IconFingerprint,
		IconFlag,
		IconFolderTree,
		IconGate,
		IconGauge,
		IconGlobe,
		IconGripVertical,
		IconHistory,
		IconHouse,
		IconIdCard,
		IconInbox,
		IconInfo,
		IconKeyRound,
		IconLaptop,
		IconLayers,
		IconLayoutGrid,
		IconLink,
		IconListFilter,
		IconLock,
		IconLockOpen,
		IconLogIn,
		IconLogOut,
		IconMail,
		IconMapPin,
		IconMenu,
		IconMinus,
		IconMoon,
		IconOctagonAlert,
		IconPalette,
		IconPencil,
		IconPlay,
		IconPlus,
		IconRefreshCw,
		IconRotateCcw,
		IconScale,
		IconScrollText,
		IconSearch,
		IconSearchX,
		IconSend,
		IconServer,
		IconSettings,
		IconShield,
		IconShieldAlert,
		IconShieldBan,
		IconShieldCheck,
		IconShieldUser,
		IconSmartphone,
		IconSun,
		IconSunMoon,
		IconTag,
		IconTextCursorInput,
		IconTicket,
		IconTrash,
		IconTriangleAlert,
		IconUpload,
		IconUser,
		IconUserCheck,
		IconUserLock,
		IconUserPlus,
		IconUserX,
		IconUsers,
		IconWorkflow,
		IconX,
		IconZap,
	}
}
